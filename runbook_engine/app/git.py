"""Asks git which commit the project's files are of, for the audit trail."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class GitState:
    """The commit that is checked out, and whether files differ from it; None outside a repository."""

    commit: str | None = None
    dirty: bool | None = None


def git_state(folder: Path) -> GitState:
    """Give the state of the repository that a folder is in."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return GitState()
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return GitState(commit, None if status is None else bool(status))


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *words],  # noqa: S607 - the user's own git
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        # No git is a fact worth recording as "unknown", not a reason to stop a recovery.
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def folder_in_repository(start: Path) -> str:
    """Give the project's folder as seen from the root of the git repository that it is in; empty for the root itself.

    Where there is no repository it is empty, too: nobody looks from anywhere else.
    """
    here = start.resolve()
    root = next((folder for folder in (here, *here.parents) if (folder / "runbook.toml").is_file()), here)
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    return "" if top == root else root.relative_to(top).as_posix()
