"""Holds what a dry run found would be added against the quotas of the account and the region it would be added in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runbook_engine.app.iam_needs import Need
from runbook_engine.app.instance_types import Machines, NotKnownError
from runbook_engine.app.principals import hint_of, in_short
from runbook_engine.app.quota_table import COUNTED, INSTANCES, Quota, family_quota
from runbook_engine.connections.aws import AwsSession
from runbook_engine.model.capacity import Addition
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.readiness import Area, Level, ReadinessFinding
from runbook_engine.ports.services import AwsError

_NONE_APPLIED = "NoSuchResourceException"


@dataclass(frozen=True, slots=True)
class StepAddition:
    """What a step would add; `sure`: a check said so, where else it adds that at most."""

    step: str
    addition: Addition
    sure: bool = True


@dataclass(frozen=True, slots=True)
class NotLooked:
    """A step whose action adds things, and how many of its tasks could not be checked."""

    step: str
    kinds: tuple[str, ...]
    tasks: int


@dataclass(slots=True)
class QuotasAsked:
    """What asking gave: the findings, and how many quotas have room."""

    findings: list[ReadinessFinding] = field(default_factory=list)
    roomy: int = 0


@dataclass(slots=True)
class _Use:
    """What is added to one quota: how much for sure, how much perhaps besides, by which steps; as whom it is asked."""

    role: str | None
    kind: str
    count: int = 0
    perhaps: int = 0
    steps: dict[str, None] = field(default_factory=dict)


_Place = tuple[str, str]  # account and region


def ask_quotas(session: AwsSession, added: Iterable[StepAddition]) -> QuotasAsked:
    """Ask Service Quotas for each quota once, and count what there is. Everything is a read."""
    asked = QuotasAsked()
    uses: dict[tuple[_Place, Quota], _Use] = {}
    machines: dict[tuple[str, str | None], Machines] = {}
    for one in added:
        addition = one.addition
        if addition.count <= 0:
            continue
        ec2 = machines.setdefault((addition.region, addition.role), Machines(session, addition.region, addition.role))
        try:
            quota, count = _wanted(addition, ec2)
            place = (_account(session, addition), addition.region)
        except RunbookError as error:
            asked.findings.append(_not_compared(one, in_short(error)))
            continue
        use = uses.setdefault((place, quota), _Use(addition.role, addition.kind))
        use.count += count if one.sure else 0
        use.perhaps += 0 if one.sure else count
        use.steps[one.step] = None
    for (place, quota), use in uses.items():
        ec2 = machines.setdefault((place[1], use.role), Machines(session, place[1], use.role))
        found = _compare(session, place, quota, use, ec2)
        asked.findings += [found] if found is not None else []
        asked.roomy += found is None
    return asked


def at_most(steps: Iterable[NotLooked], needs: Iterable[Need]) -> tuple[list[StepAddition], list[NotLooked]]:
    """Give what steps add at most whose checks could not be made, and the steps of which not even that is known.

    At most one thing a task, where the action adds one kind of thing and the region and the role are known.
    """
    by_step: dict[str, list[Need]] = {}
    for need in needs:
        by_step.setdefault(need.step, []).append(need)
    added: list[StepAddition] = []
    unknown: list[NotLooked] = []
    for one in steps:
        some = by_step.get(one.step, [])
        regions = [region for need in some if not need.open for region in need.values.get("region", ())]
        if len(some) == len(regions) == len(one.kinds) == 1 and one.kinds[0] in COUNTED:
            addition = Addition(kind=one.kinds[0], region=regions[0], count=one.tasks, role=some[0].role)
            added.append(StepAddition(one.step, addition, sure=False))
        else:
            unknown.append(one)
    return added, unknown


def unknown_additions(steps: Iterable[NotLooked]) -> Iterator[ReadinessFinding]:
    """Say how little is known of what steps would add."""
    for one in steps:
        kinds = ", ".join(one.kinds)
        text = f"{one.step}: how much it adds ({kinds}) is known in a run only; it was held against no quota"
        yield _finding(Level.UNKNOWN, f"quota for {one.step}", text, (one.step,), "")


def _wanted(addition: Addition, ec2: Machines) -> tuple[Quota, int]:
    """Give the quota that bounds an addition, and how much of it that needs.

    Raises:
        NotKnownError: no quota is known for it.
    """
    if addition.kind != INSTANCES:
        if addition.kind not in COUNTED:
            raise NotKnownError(f"no quota is known for {addition.kind}")
        return COUNTED[addition.kind][0], addition.count
    name, vcpus = ec2.added(addition)
    quota = family_quota(name)
    if quota is None:
        raise NotKnownError(f"no quota is known for instances like {name}")
    return quota, vcpus


def _account(session: AwsSession, addition: Addition) -> str:
    sts = session.client("sts", region=addition.region, role=addition.role, read_only=True)
    return str(sts.call("get_caller_identity")["Account"])


def _compare(session: AwsSession, place: _Place, quota: Quota, use: _Use, ec2: Machines) -> ReadinessFinding | None:
    """Give what is wrong with one quota; None when there is room."""
    account, region = place
    where = f"{quota.words} in {region} of account {account}"
    steps = tuple(use.steps)
    try:
        limit = _limit(session, quota, use.role, region)
        there = ec2.used(quota) if use.kind == INSTANCES else _count(session, use, region)
    except RunbookError as error:
        more = use.count + use.perhaps
        text = f"{where}: {more} more would be needed, and how many there may be could not be asked: {in_short(error)}"
        hint = "asking needs servicequotas:GetServiceQuota and servicequotas:GetAWSDefaultServiceQuota"
        return _finding(Level.UNKNOWN, f"quota of {where}", text, steps, hint_of(error, hint))
    used = f"{where}: {there} of {limit:g} are used"
    hint = f"ask for more in Service Quotas ({quota.service} {quota.code}): AWS may take days"
    if there + use.count > limit:
        text = f"{used}, and {use.count} more would be needed"
        return _finding(Level.MISSING, f"quota of {where}", text, steps, hint)
    if there + use.count + use.perhaps > limit:
        text = f"{used}, and up to {use.count + use.perhaps} more would be needed: how many, a run alone knows"
        return _finding(Level.UNKNOWN, f"quota of {where}", text, steps, hint)
    return None


def _limit(session: AwsSession, quota: Quota, role: str | None, region: str) -> float:
    client = session.client("service-quotas", region=region, role=role, read_only=True)
    asked = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        answer = client.call("get_service_quota", **asked)
    except AwsError as error:
        if error.code != _NONE_APPLIED:
            raise
        answer = client.call("get_aws_default_service_quota", **asked)
    return float(answer["Quota"]["Value"])


def _count(session: AwsSession, use: _Use, region: str) -> int:
    count = COUNTED[use.kind][1]
    client = session.client(count.service, region=region, role=use.role, read_only=True)
    return sum(1 for _ in client.pages(count.operation, count.key, **count.parameters))


def _not_compared(one: StepAddition, why: str) -> ReadinessFinding:
    addition = one.addition
    text = (
        f"{one.step}: it would add {addition.count} {addition.kind} in {addition.region}, held against no quota: {why}"
    )
    return _finding(Level.UNKNOWN, f"quota for {one.step}: {addition.kind}", text, (one.step,), "")


def _finding(level: Level, what: str, text: str, steps: tuple[str, ...], hint: str) -> ReadinessFinding:
    return ReadinessFinding(level=level, area=Area.QUOTA, what=what, text=text, hint=hint, steps=steps)
