"""Asks IAM, by simulation, whether the principals of a plan have the permissions that its AWS actions need."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from runbook_engine.app.iam_needs import GLOBAL, Need, grants
from runbook_engine.app.principals import (
    NoPrincipalError,
    NotAssumedError,
    Principal,
    find_principal,
    hint_of,
    in_short,
)
from runbook_engine.app.simulation import Answered, Question, simulate
from runbook_engine.connections.aws import AwsSession
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.readiness import Area, Level, ReadinessFinding

ANY_REGION = "us-east-1"
"""Where global services are (but in China and GovCloud), and where STS and IAM are asked when no region is named."""
_OF_AWS = re.compile(r"^arn:aws:")
_ANY_ACCOUNT = re.compile(r"^(arn:[a-z-]+:[a-z0-9-]*:[a-z0-9-]*):\*:")


@dataclass(slots=True)
class Asked:
    """What asking gave: the findings, and how many permissions the principals do have."""

    findings: list[ReadinessFinding] = field(default_factory=list)
    granted: int = 0


def ask_permissions(session: AwsSession, needs: Iterable[Need]) -> Asked:
    """Ask for each principal of the plan. Everything is a read, and nothing that is not answered counts as granted."""
    asked = Asked()
    by_role: dict[str | None, list[Need]] = {}
    for need in needs:
        if "role" in need.open and need.role is None:
            asked.findings.append(_unknown_role(need))
        else:
            by_role.setdefault(need.role, []).append(need)
    for role, some in by_role.items():
        _ask(session, role, some, asked)
    return asked


def _ask(session: AwsSession, role: str | None, needs: Sequence[Need], asked: Asked) -> None:
    region = min((region for need in needs for region in need.regions), default=ANY_REGION)
    steps = tuple(dict.fromkeys(need.step for need in needs))
    who = role or "the credentials"
    try:
        principal = find_principal(session, region, role)
    except NotAssumedError as error:
        asked.findings.append(
            _finding(Level.MISSING, f"sts:AssumeRole on {role}", in_short(error), steps, "allow it on both sides")
        )
        return
    except RunbookError as error:
        plain = isinstance(error, NoPrincipalError)
        text = error.message if plain else f"who {who} belong to could not be asked: {in_short(error)}"
        what = f"permissions of {who} not asked"
        asked.findings.append(
            _finding(Level.UNKNOWN, what, f"{text}; its permissions are not known", steps, hint_of(error))
        )
        return
    asked.findings += _wrong_accounts(principal, needs)
    questions = _questions(principal, needs)
    client = session.client("iam", region=region, role=role, read_only=True)
    told = _Told(principal)
    for verdict in simulate(client, principal, list(questions)):
        told.take(verdict, questions[verdict.question])
    asked.granted += told.granted
    asked.findings += told.findings()


def _questions(principal: Principal, needs: Iterable[Need]) -> dict[Question, tuple[str, ...]]:
    """Give what is to be asked, each once, with the steps that need it. That a role can be assumed was just seen."""
    found: dict[Question, tuple[str, ...]] = {}
    for need in needs:
        for grant in grants(need):
            if grant.permission == "sts:AssumeRole":
                continue
            home = ANY_REGION if _OF_AWS.match(principal.arn) else ""
            anywhere = (home,) if grant.permission.partition(":")[0] in GLOBAL else ("",)
            for resource in grant.resources:
                whole = _ANY_ACCOUNT.sub(rf"\1:{principal.account}:", resource)
                for region in grant.regions or anywhere:
                    question = Question(grant.permission, whole, region)
                    found[question] = tuple(dict.fromkeys((*found.get(question, ()), need.step)))
    return found


class _Told:
    """The verdicts about one principal, those of one permission in one region together."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._asked: set[tuple[str, str]] = set()
        self._bad: dict[tuple[str, str, Level, str], tuple[list[str], dict[str, None]]] = {}

    def take(self, verdict: Answered, steps: tuple[str, ...]) -> None:
        """Take one more verdict."""
        question = verdict.question
        self._asked.add((question.permission, question.region))
        if verdict.granted:
            return
        level = Level.MISSING if verdict.denied else Level.UNKNOWN
        # What IAM could not be asked at all is one finding, not one for each permission.
        whose = (question.permission, question.region) if verdict.asked else ("", "")
        resources, concerned = self._bad.setdefault((*whose, level, verdict.why), ([], {}))
        resources.append(question.resource if verdict.asked else question.permission)
        concerned.update(dict.fromkeys(steps))

    @property
    def granted(self) -> int:
        """How many permissions are granted wherever they are needed."""
        bad = {key[:2] for key in self._bad}
        if ("", "") in bad:
            unasked = {name for key, (names, _) in self._bad.items() if not key[0] for name in names}
            return len([one for one in self._asked - bad if one[0] not in unasked])
        return len(self._asked - bad)

    def findings(self) -> Iterator[ReadinessFinding]:
        """Say what is not granted."""
        name = self._principal.arn
        for (permission, region, level, why), (resources, steps) in self._bad.items():
            some = tuple(dict.fromkeys(resources))
            if not permission:
                text = f"{name}: {why}; {len(some)} permissions are not known: {', '.join(some)}"
                yield _finding(level, f"permissions of {name} not asked", text, tuple(steps), self._hint(level))
                continue
            where = f" in {region}" if region and permission.partition(":")[0] not in GLOBAL else ""
            on = ", ".join(some)
            verb = "may not" if level is Level.MISSING else "may or may not"
            text = f"{name} {verb} {permission}{where} on {on}: {why}"
            yield _finding(level, f"{permission} for {name}{where}", text, tuple(steps), self._hint(level))

    def _hint(self, level: Level) -> str:
        if level is Level.UNKNOWN:
            return self._principal.caveat or "asking needs iam:SimulatePrincipalPolicy (and iam:GetRole) on itself"
        return "`runbook actions --iam NAME` prints the whole policy; AWS was asked for it as it stands there"


def _wrong_accounts(principal: Principal, needs: Iterable[Need]) -> Iterator[ReadinessFinding]:
    """Say it when the credentials are another account's than the one that steps declare."""
    declared: dict[str, list[str]] = {}
    for need in needs:
        for account in need.accounts - {principal.account}:
            declared.setdefault(account, []).append(need.step)
    for account, steps in declared.items():
        text = f"the credentials are of account {principal.account} ({principal.arn}), and not of {account}"
        what = f"credentials of account {account}"
        yield _finding(Level.MISSING, what, text, tuple(dict.fromkeys(steps)), "choose the right profile or role")


def _unknown_role(need: Need) -> ReadinessFinding:
    text = f"{need.step}: its role is known in a run only, so that its permissions could not be asked"
    return _finding(Level.UNKNOWN, f"role of {need.step}", text, (need.step,), "let the inventory name the role")


def _finding(level: Level, what: str, text: str, steps: tuple[str, ...], hint: str) -> ReadinessFinding:
    return ReadinessFinding(level=level, area=Area.PERMISSION, what=what, text=text, hint=hint, steps=steps)
