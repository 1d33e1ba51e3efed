"""The doctor's look at secrets: is each one there for this user on this machine; no value is read."""

import os
import stat
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple

from runbook_engine.app.cloud import aws_session
from runbook_engine.app.doctor_check import Check
from runbook_engine.app.prepare import PlanRequest, prepare_plan, read_inventory
from runbook_engine.app.project import OpenProject
from runbook_engine.app.run_secrets import age_files, audience_references, parsed, references
from runbook_engine.app.secret_expiry import HINT, endings, unasked
from runbook_engine.app.secret_findings import written_references
from runbook_engine.connections.aws import AwsSession
from runbook_engine.expressions.placeholders import base_references
from runbook_engine.loading.folder import yaml_files
from runbook_engine.loading.runbook import load_runbook
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.secret_reference import SecretReference
from runbook_engine.secrets.age import read_age_file
from runbook_engine.secrets.age_keys import LockedError, has_passphrase, read_identities
from runbook_engine.secrets.aws import AwsSecrets

_SECONDS = 5.0


class Missing(NamedTuple):
    """A secret that is not there: its reference, what is wrong, and a runbook that needs it."""

    reference: str
    problem: str
    runbook: str


def secret_checks(project: OpenProject, today: date) -> Iterator[Check]:
    """Say which secrets of the runbooks are missing; a machine that only reads reports needs none of them."""
    needed = needed_secrets(project)
    missing = look_at_secrets(project, needed)
    for one in missing:
        text = f"{one.reference}: {one.problem}"
        yield Check(name="secrets", level="note", text=text, hint=f"{one.runbook} needs it on the machine that runs it")
    if needed and not missing:
        yield Check(name="secrets", level="ok", text=f"{len(needed)} of the runbooks are there; none was read")
    yield from _endings(project, needed, today)


def _endings(project: OpenProject, needed: Mapping[str, str], today: date) -> Iterator[Check]:
    """Say which secrets are over, or will be soon, by the days that runbook.toml has."""
    config = project.config.secrets
    ending = endings(config, today, needed)
    for one in ending:
        level: Literal["note", "wrong"] = "wrong" if one.over else "note"
        yield Check(name="secrets", level=level, text=one.text, hint=HINT)
    for text in unasked(config, needed):
        hint = "correct the reference in [secrets.expires] of runbook.toml, or take it out"
        yield Check(name="secrets", level="note", text=f"nothing is known to ask for {text}", hint=hint)
    if config.expires and not ending:
        count, days = len(config.expires), config.warn_before.days
        yield Check(
            name="secrets", level="ok", text=f"none of {count} with a day in runbook.toml ends within {days} days"
        )


def needed_secrets(project: OpenProject) -> dict[str, str]:
    """Give the references of the project's secrets, each with what asks for it; badly written ones are left out.

    Given are references that stand in a runbook, those that its steps compute of the default inventory, and those
    of the team's audiences.
    """
    known: dict[str, str] = {}
    for path in yaml_files(project.root / "runbooks"):
        for reference in _of_runbook(project, path):
            known.setdefault(reference, path.stem)
    for reference in _of_audiences(project):
        known.setdefault(reference, "team.yml")
    return {text: known[text] for text in parsed(known)}


def look_at_secrets(project: OpenProject, known: Mapping[str, str]) -> list[Missing]:
    """Look whether the secrets are there; gives what is missing.

    Args:
        known: references, each with what asks for it.
    """
    if not known:
        return []
    inventory, _, _ = read_inventory(project, ()) if project.config.inventory else (None, None, None)
    session = aws_session(inventory, project.root, patience=_SECONDS) if inventory else _plain_session()
    problems = {text: _problem(project, parts, AwsSecrets(session)) for text, parts in parsed(known).items()}
    return [Missing(text, problem, known[text]) for text, problem in problems.items() if problem]


def _plain_session() -> AwsSession:
    return AwsSession(connect_seconds=_SECONDS, read_seconds=_SECONDS, attempts=1)


def _of_audiences(project: OpenProject) -> list[str]:
    try:
        return list(audience_references(project.team))
    except RunbookError:
        return []  # the look at the team says what is wrong with it


def _of_runbook(project: OpenProject, path: Path) -> list[str]:
    loaded = load_runbook(
        path, project=project.root, limits=project.config.limits, action_names=tuple(project.catalog.names())
    )
    found = [base for text, _ in written_references(loaded.for_lint()) for base in base_references(text)]
    try:
        return [*found, *references(project, prepare_plan(project, PlanRequest(str(path))).plan)]
    except RunbookError:
        return found  # it wants inputs, or `runbook validate` has more to say of it


def _problem(project: OpenProject, reference: SecretReference, cloud: AwsSecrets) -> str:
    try:
        if reference.scheme == "env":
            return "" if os.environ.get(reference.name) else "the environment variable is not set"
        if reference.scheme == "file":
            return _file(project.root / Path(reference.name).expanduser())
        if reference.scheme == "age":
            return _age(project, project.root / Path(reference.name).expanduser())
        return "; ".join(cloud.missing(reference))
    except (RunbookError, RuntimeError) as error:
        return str(error)


def _file(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    if not stat.S_ISREG(facts.st_mode):
        return f"{path} is not a file"
    if facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"{path} is open to others: chmod 600"
    return "" if os.access(path, os.R_OK) else f"{path} can't be read by this user"


def _age(project: OpenProject, path: Path) -> str:
    """Look at the file's head, and whether there is an identity; whether that opens it, only opening can tell."""
    if has_passphrase(read_age_file(path)):
        return ""
    files = age_files(project, {}).identities
    problems = []
    for file in files:
        try:
            read_identities(file, None)
        except LockedError:
            return ""  # it is asked for when a run begins
        except RunbookError as error:
            problems.append(error.message)
        else:
            return ""
    return "; ".join(problems) or "there is no identity that could open it: set RUNBOOK_AGE_IDENTITIES"
