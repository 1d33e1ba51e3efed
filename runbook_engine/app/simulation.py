"""iam:SimulatePrincipalPolicy as questions and answers: whatever is not plainly answered is no yes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from runbook_engine.app.principals import Principal, in_short
from runbook_engine.model.errors import RunbookError
from runbook_engine.ports.services import AwsAnswer, AwsClient, AwsError

_AT_ONCE = 40  # permissions in a request
_ODD = frozenset({"InvalidInput", "ValidationError"})


class Question(NamedTuple):
    """May it do this, on this resource (`*`: on any), in this region (empty: whichever)."""

    permission: str
    resource: str
    region: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What IAM said to a question.

    Attributes:
        granted, denied: what it decided; neither where nobody can tell.
        why: in words, where it is not granted.
        asked: whether IAM was asked, and said anything of it.
    """

    question: Question
    granted: bool = False
    denied: bool = False
    why: str = ""
    asked: bool = True


def simulate(iam: AwsClient, principal: Principal, questions: Sequence[Question]) -> Iterator[Answered]:
    """Ask all questions, those of one resource and region together; one answer for each of them.

    Each request is of one resource: what an answer says of several resources together differs.
    """
    groups: dict[tuple[str, str], list[Question]] = {}
    for question in questions:
        groups.setdefault((question.resource, question.region), []).append(question)
    stopped = ""
    for some in groups.values():
        for start in range(0, len(some), _AT_ONCE):
            batch = some[start : start + _AT_ONCE]
            if not stopped:
                try:
                    yield from _batch(iam, principal, batch)
                except RunbookError as error:
                    # It may not be asked, or does not answer: the other questions would fare no better.
                    stopped = f"IAM could not be asked: {in_short(error)}"
                else:
                    continue
            yield from (Answered(question, why=stopped, asked=False) for question in batch)


def _batch(iam: AwsClient, principal: Principal, batch: list[Question]) -> list[Answered]:
    """Ask several questions of one resource and region.

    Raises:
        RunbookError: none of them could be asked.
    """
    try:
        found = {str(item.get("EvalActionName", "")).lower(): item for item in _request(iam, principal, batch)}
    except AwsError as error:
        if error.code not in _ODD:
            raise
        if len(batch) == 1:
            return [Answered(batch[0], why=f"IAM does not take the question: {in_short(error)}")]
        # One name that IAM does not know refuses all of them.
        middle = len(batch) // 2
        return [*_batch(iam, principal, batch[:middle]), *_batch(iam, principal, batch[middle:])]
    return [_read(question, found.get(question.permission.lower())) for question in batch]


def _request(iam: AwsClient, principal: Principal, batch: list[Question]) -> list[AwsAnswer]:
    region = batch[0].region
    entry = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [region], "ContextKeyType": "string"}
    return list(
        iam.pages(
            "simulate_principal_policy",
            "EvaluationResults",
            PolicySourceArn=principal.arn,
            ActionNames=[question.permission for question in batch],
            ResourceArns=[batch[0].resource],
            ContextEntries=[entry] if region else [],
        )
    )


def _read(question: Question, item: AwsAnswer | None) -> Answered:
    if item is None:
        return Answered(question, why="IAM did not answer for it")
    decision = str(item.get("EvalDecision", ""))
    missing = ", ".join(sorted({str(name) for name in item.get("MissingContextValues") or ()}))
    if missing:
        return Answered(question, why=f"a policy makes it depend on {missing}, which only a real request has")
    if decision == "allowed":
        return Answered(question, granted=True)
    if decision not in {"explicitDeny", "implicitDeny"}:
        return Answered(question, why=f"IAM answered {decision or 'nothing'}")
    return Answered(question, denied=True, why=_why(decision, item))


def _why(decision: str, item: AwsAnswer) -> str:
    if (item.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations") is False:
        return "the organization's policies (SCP) do not allow it"
    if (item.get("PermissionsBoundaryDecisionDetail") or {}).get("AllowedByPermissionsBoundary") is False:
        return "the permissions boundary does not allow it"
    if decision == "explicitDeny":
        named = {
            str(one.get("SourcePolicyId")) for one in item.get("MatchedStatements") or () if one.get("SourcePolicyId")
        }
        return f"denied by {', '.join(sorted(named)) or 'a policy'}"
    return "no policy allows it"
