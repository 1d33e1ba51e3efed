"""The log of a run that goes on in the background: a file beside the journal, for its owner's eyes only."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runbook_engine.app.project import OpenProject
from runbook_engine.journals.address import folder_of
from runbook_engine.model.errors import RunbookError


@dataclass(frozen=True, slots=True)
class RunLog:
    """A log that is open for appending.

    Attributes:
        number: the file's descriptor.
        new: whether it was made just now, and not by an earlier part of the run.
    """

    path: Path
    number: int
    new: bool

    def discard(self) -> None:
        """Close it; take it away when it was made for a run that did not begin after all."""
        os.close(self.number)
        if self.new and self.path.stat().st_size == 0:
            self.path.unlink()


def log_path(project: OpenProject, run: str) -> Path:
    """Give the place of a run's log: beside the journal's file; in the project where that is elsewhere."""
    return (folder_of(project.config.journal, project=project.root) or project.root / ".runbook") / f"{run}.log"


def open_log(project: OpenProject, run: str) -> RunLog:
    """Open a run's log for appending, made with mode 0600 when there is none.

    Raises:
        RunbookError: it can't be written.
    """
    path = log_path(project, run)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = not path.exists()
        return RunLog(path, os.open(path, flags, 0o600), new)
    except OSError as error:
        raise RunbookError(
            f"the log {path} can't be written: {error.strerror}", hint="mend that, or run without --detach"
        ) from error


def remove_logs(project: OpenProject, runs: Iterable[str]) -> None:
    """Take the logs of runs away, as when their events are pruned: they say the same."""
    for run in runs:
        log_path(project, run).unlink(missing_ok=True)
