"""The use case `doctor`: is this machine, and this project, ready for a recovery; every line says what to do."""

import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from runbook_engine import version
from runbook_engine.app.doctor_check import Check
from runbook_engine.app.prepare import read_inventory
from runbook_engine.app.project import OpenProject, actor, open_project
from runbook_engine.connections.factory import kind_of
from runbook_engine.connections.ssm_settings import ssm_route
from runbook_engine.journals.file import is_there
from runbook_engine.model.diagnostic import Severity, has_errors
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import Inventory, Target

_OLDEST_PYTHON = (3, 11)
_AGENT_TIMEOUT = 2.0
_LEAST_SPACE = 100 * 1024 * 1024
_SMALL_JUMP = timedelta(minutes=1)
_AWS_SIGNS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def examine(start: Path) -> list[Check]:
    """Look at the machine, and at the project that a folder belongs to."""
    checks = [_python(), _git()]
    try:
        project = open_project(start)
    except RunbookError as error:
        return [*checks, Check(name="project", level="wrong", text=error.message, hint=error.hint), _clock(None)]
    checks.append(Check(name="project", level="ok", text=str(project.root)))
    looks: tuple[Callable[[OpenProject], Iterator[Check]], ...] = (
        _team, _plugins, _inventory, _secrets, space, _journal,
    )  # fmt: skip
    for look in looks:
        checks += _guarded(look, project)
    return checks


def _guarded(look: Callable[[OpenProject], Iterator[Check]], project: OpenProject) -> list[Check]:
    """Turn what a look refuses with into a line, so that the other looks are still made."""
    try:
        return list(look(project))
    except RunbookError as error:
        name = look.__name__.removeprefix("_")
        return [Check(name=name, level="wrong", text=error.message, hint=error.hint)]


def _secrets(project: OpenProject) -> Iterator[Check]:
    from runbook_engine.app.doctor_secrets import secret_checks

    return secret_checks(project, datetime.now(UTC).date())


def _python() -> Check:
    found = platform.python_version()
    if sys.version_info[:2] < _OLDEST_PYTHON:
        return Check(name="python", level="wrong", text=f"Python {found} is too old", hint="use Python 3.11 or newer")
    return Check(name="python", level="ok", text=f"Python {found}, runbook-engine {version()}")


def _git() -> Check:
    if shutil.which("git") is None:
        return Check(
            name="git", level="note", text="git is not installed, so runs can't record the commit of their files",
            hint="install git",
        )  # fmt: skip
    return Check(name="git", level="ok", text="git is installed")


def _team(project: OpenProject) -> Iterator[Check]:
    team = project.team
    if not team.people:
        yield Check(
            name="team", level="note", text="nobody is in team.yml, so no gate can be approved",
            hint="write team.yml; `runbook init` shows how one looks",
        )  # fmt: skip
        return
    speaker = actor(team)
    if speaker.name in team.people:
        roles = ", ".join(team.people[speaker.name].roles) or "no role"
        yield Check(name="team", level="ok", text=f"{len(team.people)} people; you are {speaker.name} ({roles})")
    else:
        yield Check(
            name="team", level="note", text=f"{len(team.people)} people; you ({speaker.name}) are none of them",
            hint=f"give somebody os_user: {speaker.os_user} in team.yml, or say --as PERSON or RUNBOOK_OPERATOR",
        )  # fmt: skip
    empty = [role for role in team.roles if not any(role in person.roles for person in team.people.values())]
    if empty:
        yield Check(name="team", level="wrong", text=f"nobody has the role {', '.join(empty)}", hint="edit team.yml")
    silent = [key for key, person in team.people.items() if person.roles and not (person.email or person.phone)]
    if silent:
        text = f"how to reach {', '.join(silent)} is not in team.yml"
        yield Check(name="team", level="note", text=text, hint="give them phone or email: a run may wait for them")


def _plugins(project: OpenProject) -> Iterator[Check]:
    catalog, found = project.actions
    for item in found:
        level: Literal["note", "wrong"] = "wrong" if item.severity is Severity.ERROR else "note"
        yield Check(name="plugins", level=level, text=f"{item.location}: {item.message}", hint=item.hint)
    if not catalog.names():
        yield Check(
            name="plugins", level="wrong", text="there are no actions", hint="install runbook-engine again, by pip"
        )
    elif not found:
        origins = len(catalog.versions())
        yield Check(name="plugins", level="ok", text=f"{len(catalog.names())} actions of {origins} origins")


def _inventory(project: OpenProject) -> Iterator[Check]:
    if project.config.inventory is None:
        yield Check(
            name="inventory", level="note", text="no default inventory; each run must name one with -i",
            hint='set inventory = "NAME" in runbook.toml',
        )  # fmt: skip
        return
    inventory, _, found = read_inventory(project, ())
    if inventory is None or has_errors(found):
        text = f"{project.config.inventory} is not valid"
        yield Check(name="inventory", level="wrong", text=text, hint="`runbook validate` shows why")
        return
    yield Check(name="inventory", level="ok", text=f"{inventory.name}: {len(inventory.targets)} targets")
    yield from _ssh(inventory)
    yield from _ssm(inventory)
    yield _aws()


def _ssm(inventory: Inventory) -> Iterator[Check]:
    """Count the targets that are reached by AWS Systems Manager; name one that can't be, as it is written."""
    remote = [target for target in inventory.targets.values() if _reached_by(target) == "ssm"]
    wrong = []
    for target in remote:
        try:
            ssm_route(target)
        except RunbookError as error:
            wrong.append(error)
    if wrong:
        text = f"{len(wrong)} of {len(remote)} targets can't be reached: {wrong[0].message}"
        yield Check(name="ssm", level="wrong", text=text, hint=wrong[0].hint or "`runbook validate` shows all of them")
    elif remote:
        yield Check(name="ssm", level="ok", text=f"{len(remote)} targets by AWS Systems Manager")


def _reached_by(target: Target) -> str | None:
    """Tell how a target is reached, None where its variables are wrong (`runbook validate` tells)."""
    try:
        return kind_of(target)
    except RunbookError:
        return None


def _ssh(inventory: Inventory) -> Iterator[Check]:
    """Look at what SSH needs, when any target is reached by it."""
    remote = [target for target in inventory.targets.values() if _reached_by(target) == "ssh"]
    if not remote:
        yield Check(name="ssh", level="ok", text="no target is reached over SSH")
        return
    known = Path("~/.ssh/known_hosts").expanduser()
    if known.is_file():
        yield Check(name="ssh", level="ok", text=f"{known} is there, for {len(remote)} targets")
    else:
        yield Check(
            name="ssh", level="wrong", text=f"{known} is missing, and unknown host keys are refused",
            hint="put the hosts' keys there, from a source that you trust (`ssh-keyscan HOST`, then compare)",
        )  # fmt: skip
    yield _agent()


def _agent() -> Check:
    address = os.environ.get("SSH_AUTH_SOCK")
    if not address:
        return Check(
            name="ssh agent", level="note", text="no agent (SSH_AUTH_SOCK is not set); keys must be in files",
            hint="`ssh-add` to an agent when your key has a passphrase",
        )  # fmt: skip
    try:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(_AGENT_TIMEOUT)
            peer.connect(address)
    except OSError as error:
        return Check(
            name="ssh agent", level="wrong", text=f"the agent at {address} does not answer: {error.strerror or error}",
            hint='start one: eval "$(ssh-agent)" && ssh-add',
        )  # fmt: skip
    return Check(name="ssh agent", level="ok", text=f"the agent at {address} answers")


def _aws() -> Check:
    """Say where AWS credentials would come from; whether AWS accepts them, `aws.identity` asks."""
    sign = next((name for name in _AWS_SIGNS if os.environ.get(name)), None)
    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).expanduser()
    config = Path(os.environ.get("AWS_CONFIG_FILE", "~/.aws/config")).expanduser()
    source = sign or next((str(path) for path in (file, config) if path.is_file()), None)
    if source is None:
        return Check(
            name="aws", level="note", text="no AWS credentials in the environment or in ~/.aws",
            hint="needed by aws.* actions only: `aws configure sso`, or set AWS_PROFILE",
        )  # fmt: skip
    return Check(name="aws", level="ok", text=f"credentials by {source}; an aws.identity step proves the account")


def space(project: OpenProject) -> Iterator[Check]:
    """Look whether there is room for a journal."""
    free = shutil.disk_usage(project.root).free
    text = f"{free // 2**20} MiB free at {project.root}"
    if free < _LEAST_SPACE:
        yield Check(name="disk", level="wrong", text=text, hint="a run stops when its journal can't be written")
    else:
        yield Check(name="disk", level="ok", text=text)


def _journal(project: OpenProject) -> Iterator[Check]:
    """Look at the journal: can it be opened, does it verify; and hold the clock against its newest event."""
    address = project.config.journal
    scheme, _, path = address.partition(":///")
    file = project.root / path if scheme == "sqlite" else None
    if file is not None and not is_there(file):
        yield from _future_journal(file)
        yield _clock(None)
        return
    journal = project.journal()
    try:
        damages = journal.verify()
        newest = journal.runs(limit=1)
    finally:
        journal.close()
    if damages:
        yield Check(
            name="journal", level="wrong", text=f"it does not verify: {damages[0].run} {damages[0].problem}",
            hint="`runbook audit verify` names every damaged event; keep a copy of the file before anything else",
        )  # fmt: skip
    elif file is not None and not os.access(file, os.W_OK):
        yield Check(name="journal", level="wrong", text=f"{file} can't be written", hint="run as its owner")
    else:
        yield Check(name="journal", level="ok", text="it opens, and nobody changed it")
    yield _clock((newest[0].closed_at or newest[0].opened_at) if newest else None)


def _future_journal(file: Path) -> Iterator[Check]:
    folder = next(parent for parent in file.parents if parent.exists())
    if os.access(folder, os.W_OK):
        yield Check(name="journal", level="ok", text=f"the first run will make {file}")
    else:
        yield Check(
            name="journal", level="wrong", text=f"{folder} can't be written, so no journal can be made there",
            hint="become its owner, or set RUNBOOK_JOURNAL",
        )  # fmt: skip


def _clock(newest: datetime | None) -> Check:
    now = datetime.now(UTC)
    if newest is not None and now < newest - _SMALL_JUMP:
        return Check(
            name="clock", level="wrong", text=f"it is {now:%Y-%m-%d %H:%M} UTC here, before the journal's newest event",
            hint="set the clock (timedatectl set-ntp true)",
        )  # fmt: skip
    if Path("/run/systemd/timesync/synchronized").exists():
        return Check(name="clock", level="ok", text=f"{now:%Y-%m-%d %H:%M:%S} UTC, synchronised")
    return Check(
        name="clock", level="note", text=f"{now:%Y-%m-%d %H:%M:%S} UTC; whether it is synchronised is not known here",
        hint="compare it with a clock that you trust; signatures and TLS depend on it",
    )  # fmt: skip
