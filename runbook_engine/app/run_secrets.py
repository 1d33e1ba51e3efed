"""The secrets of one run: where they come from, what is opened before its first step, and what is only looked at."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from runbook_engine.app.project import OpenProject
from runbook_engine.app.project_file import read_project_file
from runbook_engine.app.secret_references import references_of
from runbook_engine.connections.aws import AwsSession
from runbook_engine.expressions.scope import VAULT
from runbook_engine.model.errors import InvalidInputError, RunbookError
from runbook_engine.model.plan import Plan
from runbook_engine.model.secret_reference import LOCAL_SCHEMES, SecretReference, parse_reference
from runbook_engine.model.team import CHANNELS, Audience, Team
from runbook_engine.ports.secrets import SecretError
from runbook_engine.secrets.age import AgeFiles
from runbook_engine.secrets.age_keys import identity_files
from runbook_engine.secrets.aws import AwsSecrets
from runbook_engine.secrets.store import SCHEMES, Scheme, Secrets, age_scheme


def age_files(project: OpenProject, passphrases: Mapping[Path, str]) -> AgeFiles:
    """Give what opens the project's age files on this machine."""
    files = identity_files(project.config.secrets.identities, project.root, os.environ)
    return AgeFiles(files, passphrases)


def references(project: OpenProject, plan: Plan) -> dict[str, str]:
    """Give the references that a plan's steps have, as far as they are known, each with the id of a step.

    Those by which team.yml reaches the audiences that the plan names are among them.
    """
    found = references_of(
        plan, project.catalog, project.config.defaults, lambda path: read_project_file(project.root, path)
    )
    calls = [planned.step.action for planned in plan.steps if planned.step.action is not None]
    named = {talk.audience for talk in plan.communications}
    named |= {str(name) for call in calls if isinstance(name := call.params.get("audience"), str)}
    for name in sorted(named & project.team.audiences.keys()):
        for reference in _references_to(project.team.audiences[name]):
            found.setdefault(reference, f"audience {name}")
    return found


def _references_to(audience: Audience) -> Iterator[str]:
    for channel in CHANNELS:
        if channel != "email":
            yield from (*audience.addresses(channel), *audience.sandbox.addresses(channel))


def audience_references(team: Team) -> dict[str, str]:
    """Give the references that open channels to the team's audiences, each with the audience's name."""
    found: dict[str, str] = {}
    for name, audience in team.audiences.items():
        for channel in CHANNELS:
            for reference in (*audience.addresses(channel), *audience.sandbox.addresses(channel)):
                if channel != "email":
                    found.setdefault(reference, name)
    return found


def secret_store(
    project: OpenProject, plan: Plan, passphrases: Mapping[Path, str], aws: AwsSession, known: Mapping[str, str]
) -> Secrets:
    """Give the store of a run. What this machine has by itself is known to the redactor from the start.

    So it is taken out of what a step says that does not use it: another step wrote it where this one looks, perhaps in
    the part of the run before a crash. AWS is asked at the attempt alone.

    Args:
        known: the references of the plan and of the audiences.
    """
    decrypted = list(plan.inventory.secrets)
    schemes = schemes_of(project, decrypted, passphrases, aws)
    store = Secrets(schemes, project.root)
    for text in (*decrypted, *passphrases.values()):
        store.redactor.add(text)
    for reference in known:
        prime(store, reference)
    return store


class Texts(Protocol):
    """Texts by their position."""

    def __getitem__(self, index: int, /) -> str:
        """Give one of them."""
        ...


def schemes_of(
    project: OpenProject, decrypted: Texts, passphrases: Mapping[Path, str], aws: AwsSession
) -> dict[str, Scheme]:
    """Give how a reference of each scheme is read.

    Args:
        decrypted: texts of the inventory, by their position.
    """
    cloud = AwsSecrets(aws)
    return {
        **SCHEMES,
        VAULT: lambda position, _: decrypted[int(position)],
        "age": age_scheme(age_files(project, passphrases)),
        "aws-sm": cloud.secret,
        "aws-ssm": cloud.parameter,
    }


def variables_of(known: Mapping[str, str]) -> frozenset[str]:
    """Name the environment variables that hold secrets of a plan; commands are given them by `environment:` alone."""
    return frozenset(name for scheme, _, name in (text.partition(":") for text in known) if scheme == "env")


def open_all(project: OpenProject, known: Mapping[str, str], passphrases: Mapping[Path, str]) -> None:
    """Open every age file that a plan will need, so that a bad one stops the run before its first step.

    Raises:
        LockedError: one wants a passphrase.
        SecretError: one can't be opened, or lacks a field; names the step.
    """
    references = {text: step for text, step in known.items() if text.startswith("age:")}
    if not references:
        return
    store = Secrets({"age": age_scheme(age_files(project, passphrases))}, project.root)
    for reference, step in references.items():
        try:
            store.resolve(reference)
        except SecretError as error:
            error.message = f"step {step}: {error.message}; nothing was begun"
            raise


def parsed(known: Mapping[str, str]) -> dict[str, SecretReference]:
    """Take references apart; one that is not well-formed is left out, since `runbook validate` tells of it."""
    found: dict[str, SecretReference] = {}
    for text in known:
        try:
            found[text] = parse_reference(text)
        except InvalidInputError:
            continue
    return found


def prime(store: Secrets, reference: str) -> None:
    """Tell a store's redactor a secret that this machine has by itself; AWS is not asked."""
    if reference.partition(":")[0] not in LOCAL_SCHEMES:
        return
    try:
        store.resolve(reference)
    except RunbookError:
        return  # the step that needs it says so; perhaps it is skipped
