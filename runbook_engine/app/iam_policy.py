"""The use case `actions --iam`: the IAM policy that a runbook's actions need, as narrow as is known before a run."""

from collections.abc import Iterable
from dataclasses import dataclass

from runbook_engine.app.iam_needs import Need, grants, needs_of
from runbook_engine.app.iam_secrets import KEY_NOTE, secret_needs
from runbook_engine.app.prepare import PreparedPlan
from runbook_engine.app.project import OpenProject
from runbook_engine.model.json import JsonObject


@dataclass(frozen=True, slots=True)
class IamPolicy:
    """A policy document, and what could not be narrowed in it."""

    document: JsonObject
    notes: tuple[str, ...]


def iam_policy(project: OpenProject, prepared: PreparedPlan) -> IamPolicy:
    """Make the policy of everything that the plan's AWS actions declare, and of reading its secrets of AWS.

    Reads are allowed on all resources of the regions that the runbook names, changes on those of the account (where an
    ARN has both), on the buckets and roles that the steps name, or else on all of the regions.
    """
    secrets = list(secret_needs(project, prepared.plan))
    needs = [*needs_of(project, prepared.plan), *secrets]
    statements: dict[tuple[tuple[str, ...], tuple[str, ...]], set[str]] = {}
    notes: list[str] = []
    for need in needs:
        if not need.regions:
            notes.append(f"{_whose(need)}: its region is not known before the run; any region is allowed")
        for permission, resources, regions in grants(need):
            if not resources:
                continue
            statements.setdefault((resources, regions), set()).add(permission)
        notes += [f"step {need.step}: {name} is not known before the run" for name in sorted(need.open - _told(need))]
    if secrets:
        notes.append(KEY_NOTE)
    document: JsonObject = {
        "Version": "2012-10-17",
        "Statement": [_statement(*key, names) for key, names in sorted(statements.items())],
    }
    return IamPolicy(document, tuple(dict.fromkeys(notes)))


def _whose(need: Need) -> str:
    return f"step {need.step}" if need.action is not None else f"a secret of {need.step}"


def _told(need: Need) -> set[str]:
    return set() if need.regions else {"region"}


def _statement(resources: Iterable[str], regions: Iterable[str], names: Iterable[str]) -> JsonObject:
    condition: JsonObject = {"Condition": {"StringEquals": {"aws:RequestedRegion": [*regions]}}} if regions else {}
    return {"Effect": "Allow", "Action": sorted(names), "Resource": [*resources], **condition}
