from pathlib import Path

import pytest

from runbook_engine.loading.inventory.load import load_inventory
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Severity


class Project:
    """A project folder that a test fills and loads an inventory from."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def load(self, *sources, limits=None):
        paths = [self.root / source for source in sources or ("hosts",)]
        return load_inventory(paths, name="test", project=self.root, limits=limits or Limits())

    def good(self, text, name="hosts"):
        """Load a source that has no errors."""
        self.write(name, text)
        loaded = self.load(name)
        assert loaded.inventory is not None, loaded.diagnostics
        return loaded.inventory

    def findings(self, text, name="hosts", **options):
        """Load a source, and give rule and line of each finding; an error means that there is no inventory."""
        self.write(name, text)
        loaded = self.load(name, **options)
        assert (loaded.inventory is None) == any(one.severity is Severity.ERROR for one in loaded.diagnostics)
        return [(one.rule, one.location.line) for one in loaded.diagnostics]


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)
