"""What several targets need: a starter project to write into, and an input that has several parts."""

from contextlib import suppress
from pathlib import Path

from runbook_engine.app.init import init_project
from runbook_engine.app.project import open_project
from runbook_engine.app.validate import validate
from runbook_engine.loading.diagnostic_formats import FORMATS, render
from runbook_engine.model.errors import RunbookError

BORDER = b"\x1e"


def parts(data: bytes, count: int) -> list[bytes]:
    """Give exactly so many parts of an input; those that are not there are empty."""
    return [*data.split(BORDER, count - 1), *[b""] * count][:count]


class Project:
    """A starter project in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        init_project(self.root, person="dana")

    def write(self, name: str, data: bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)
        return path

    def checked(self, *names: str) -> None:
        """Do what `runbook validate` does, up to the words of every format."""
        with suppress(RunbookError):
            found = validate(open_project(self.root), names)
            for form in FORMATS:
                render(found.diagnostics, found.sources, output_format=form, files=found.files, folder="", strict=True)
