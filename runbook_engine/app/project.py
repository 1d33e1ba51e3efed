"""Opens a project: its configuration, its team, its actions, its journal."""

import getpass
import os
import pwd
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_engine.app.safe_files import leads_out, refuse_open, refuse_open_tree
from runbook_engine.loading.collector import collector_paused
from runbook_engine.loading.config import find_project
from runbook_engine.loading.folder import entries, is_file, is_folder, is_there, real_path, shown, yaml_files
from runbook_engine.model.config import Config, Project
from runbook_engine.model.diagnostic import Diagnostic, has_errors
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.located import SourceMap
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.model.team import Team

if TYPE_CHECKING:
    from runbook_engine.model.event import Actor
    from runbook_engine.ports.catalog import Catalog
    from runbook_engine.ports.journal import Glance, Journal

_INPUT_RULE = "RB120"


class InvalidFilesError(InvalidInputError):
    """Files of the project are not valid.

    Attributes:
        diagnostics: everything that was found.
        sources: the files' lines by file name, for code frames.
    """

    def __init__(
        self, message: str, diagnostics: list[Diagnostic], sources: dict[str, SourceMap] | None = None
    ) -> None:
        # Inputs came with the command; `runbook validate` would not see them.
        files = [item for item in diagnostics if item.rule != _INPUT_RULE]
        super().__init__(message, hint="`runbook validate` shows everything that is wrong" if has_errors(files) else "")
        self.diagnostics = diagnostics
        self.sources = sources or {}


def together(refused: Sequence[InvalidInputError], message: str) -> InvalidInputError:
    """Give one error for all that was refused, with everything that was found; `message` counts them."""
    if len(refused) == 1:
        return refused[0]
    found = [item for error in refused if isinstance(error, InvalidFilesError) for item in error.diagnostics]
    sources = {
        name: text for error in refused if isinstance(error, InvalidFilesError) for name, text in error.sources.items()
    }
    others = [error.message for error in refused if not isinstance(error, InvalidFilesError)]
    return InvalidFilesError("; ".join([message, *others]), found, sources)


@dataclass(frozen=True)
class OpenProject:
    """A project with everything that is read from it when it is first asked for."""

    project: Project
    diagnostics: list[Diagnostic] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.project.root

    @property
    def config(self) -> Config:
        """What runbook.toml says."""
        return self.project.config

    @cached_property
    def team(self) -> Team:
        """What team.yml says; an empty team when there is none.

        Raises:
            InvalidInputError: it is not valid, or everybody may write it.
        """
        path = self.root / "team.yml"
        if not is_there(path) and not path.is_symlink():
            return Team()
        refuse_open(path)
        from runbook_engine.loading.team import load_team

        team, found, sources = load_team(path, self.config.limits)
        if team is None or has_errors(found):
            raise InvalidFilesError("team.yml is not valid", list(found), {sources.file: sources})
        return team

    @cached_property
    def actions(self) -> "tuple[Catalog, list[Diagnostic]]":
        """Every action that can be named, and what is wrong with plugins.

        Raises:
            InvalidInputError: a folder of plugins can't be listed, so that nobody knows which actions it has.
        """
        from runbook_engine.discovery.catalog import build_catalog

        folders = [self.root / folder for folder in self.config.plugins]
        for folder in folders:
            entries(folder)
        return build_catalog(folders)

    @property
    def catalog(self) -> "Catalog":
        """Every action that can be named."""
        return self.actions[0]

    @collector_paused()
    def journal(self, *, create: bool = False) -> "Journal":
        """Open the journal.

        Raises:
            JournalError: there is none (unless it is to be made), or it can't be used.
        """
        from runbook_engine.journals.address import open_journal

        return open_journal(self.config.journal, project=self.root, create=create)

    def glance(self) -> "Glance":
        """Open the journal for a quick look; there may be none yet, which is told when it is asked something.

        Raises:
            JournalError: it can't be used.
        """
        from runbook_engine.journals.address import open_glance

        return open_glance(self.config.journal, project=self.root)

    def inventory_paths(self, names: tuple[str, ...]) -> list[Path]:
        """Find the sources of inventories by name, file or folder; without names the project's default.

        Raises:
            InvalidInputError: there is none of that name, or everybody may write it.
        """
        wanted = names or ((self.config.inventory,) if self.config.inventory else ())
        paths = [self._inventory_path(name) for name in wanted]
        for path in paths:
            if path.is_relative_to(real_path(self.root)):
                refuse_open(self.root / "inventories", path.parent)
            refuse_open_tree(path)
        return paths

    def runbook_path(self, name: str) -> Path:
        """Find a runbook by its name (in `runbooks/`) or by path.

        Raises:
            InvalidInputError: there is none, it is a link out of the project, or everybody may write it.
        """
        path = self._runbook_path(name)
        if leads_out(path, self.root):
            raise InvalidInputError(
                f"the runbook {shown(name)} is a link that leads out of the project, and is not read",
                hint="put the file itself there, or name it by its own path",
            )
        real = real_path(path)
        if real.is_relative_to(real_path(self.root)):
            refuse_open(self.root / "runbooks", real.parent)
        refuse_open(real)
        return real

    def _runbook_path(self, name: str) -> Path:
        direct = Path(name)
        if direct.suffix in {".yml", ".yaml"} or "/" in name:
            for candidate in (direct, self.root / direct):
                if is_file(candidate):
                    return candidate
            is_no_file = is_folder(direct)
            what = (
                f"{shown(name)} is a folder, and no file" if is_no_file else f"there is no runbook file {shown(name)}"
            )
            raise InvalidInputError(what, hint="name a YAML file, or a runbook of the project by its name")
        folder = self.root / "runbooks"
        for suffix in (".yml", ".yaml"):
            if is_file(folder / f"{name}{suffix}"):
                return folder / f"{name}{suffix}"
        there = [path.stem for path in yaml_files(folder)]
        hint = did_you_mean(name, there) or f"there are: {', '.join(there) or 'none'}"
        raise InvalidInputError(f"there is no runbook {shown(repr(name))} in {folder}", hint=hint)

    def _inventory_path(self, name: str) -> Path:
        for candidate in (self.root / "inventories" / name, Path(name), self.root / name):
            if name.strip() and is_there(candidate):
                return real_path(candidate)
        folder = self.root / "inventories"
        there = [path.name for path in entries(folder)]
        hint = did_you_mean(name, there) or f"there are: {', '.join(there) or 'none'}"
        raise InvalidInputError(f"there is no inventory {shown(repr(name))}", hint=hint)


def open_project(start: Path | None = None) -> OpenProject:
    """Find the project that a folder (the current one) belongs to, and read its configuration.

    Raises:
        UsageError: there is no project here.
        InvalidInputError: its configuration is not valid, or its folder is writable by others.
    """
    return OpenProject(find_project(start or Path.cwd()))


def actor(team: Team, claimed: "str | Actor | None" = None) -> "Actor":
    """Say who speaks: a person of the team when one is claimed or belongs to the operating system's user.

    Args:
        claimed: from `--as` (or `RUNBOOK_OPERATOR`); the operating system's user is recorded besides. Whoever was
            made sure of elsewhere (by logging in) is an actor already.
    """
    from runbook_engine.model.event import Actor

    if isinstance(claimed, Actor):
        return claimed
    user = os_user()
    name = claimed or os.environ.get("RUNBOOK_OPERATOR")
    if name is None:
        name = next((person for person, facts in team.people.items() if facts.os_user == user), user)
    return Actor(kind="person", name=name, os_user=user, host=socket.gethostname())


def roles_of(team: Team, speaker: "Actor") -> tuple[str, ...]:
    """Give the roles that who speaks has in the team; none for who is not in it."""
    known = team.people.get(speaker.name)
    return tuple(known.roles) if known is not None else ()


def check_person(team: Team, claimed: str | None) -> None:
    """Make sure that who is claimed to speak is somebody, when the project has a team.

    Raises:
        InvalidInputError: nobody in team.yml has that name.
    """
    if claimed is not None and team.people and claimed not in team.people:
        hint = did_you_mean(claimed, team.people) or f"there are: {', '.join(sorted(team.people))}"
        raise InvalidInputError(f"--as {claimed}: nobody in team.yml has that name", hint=hint)


def os_user() -> str:
    """Give the operating system's user, from the process itself and not from its environment."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return getpass.getuser() if "USER" in os.environ else f"uid-{os.getuid()}"
