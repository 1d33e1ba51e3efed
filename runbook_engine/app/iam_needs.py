"""What each step's AWS actions need of IAM: permissions, on which resources, in which regions, in which role."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from runbook_engine.app.iam_names import permissions_of
from runbook_engine.app.known_scope import known_scope
from runbook_engine.app.project import OpenProject
from runbook_engine.expressions.render import render
from runbook_engine.expressions.scope import InventoryView, Scope
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonValue
from runbook_engine.model.plan import Plan
from runbook_engine.model.runbook import ActionCall
from runbook_engine.ports.action import Action, Params

_REGION = re.compile(r"^[a-z]{2}(?:-[a-z]+)+-\d$")
_ARN_REGION = re.compile(r"^arn:[a-z-]+:[a-z0-9-]+:([a-z0-9-]+):")
_ACCOUNT = re.compile(r"^\d{12}$")
_PLACES = ("region", "account", "role")
_BRACES = re.compile(r"\{(\w+)\}")
# One endpoint for the whole partition, or five in regions that the runbook need not name: a condition on the region
# would refuse every call.
GLOBAL = frozenset(
    {
        "globalaccelerator",
        "health",
        "iam",
        "route53",
        "route53-recovery-cluster",
        "route53-recovery-control-config",
        "sts",
    }
)
# Every resource that a change of these asks for has region and account in its ARN, or stands in _REGIONLESS. What is
# not listed is allowed on all resources of the regions: a policy that is too narrow fails in the disaster.
_BOUND = frozenset(
    {
        "autoscaling",
        "cloudformation",
        "dynamodb",
        "ecs",
        "eks",
        "elasticache",
        "kms",
        "lambda",
        "rds",
        "secretsmanager",
    }
)
_REGIONLESS = {"elasticache": "globalreplicationgroup:*", "rds": "global-cluster:*"}
# IAM takes only `*` for these.
_UNBOUND = frozenset({"kms:CreateKey"})


class Grant(NamedTuple):
    """A permission, the resources that it is asked for (none: it is not needed), and the regions (none: any)."""

    permission: str
    resources: tuple[str, ...]
    regions: tuple[str, ...]


@dataclass(slots=True)
class Need:
    """What one step's tasks need, those of one role; or (no action) one secret.

    Attributes:
        step: its id; of a secret, of the first that has it, or the communication or audience.
        role: ARN of the role that is assumed; None for the credentials as they are, or where `open` has `role`.
        regions: that the calls go to; empty when not known.
        values: each parameter's values, as far as they are known before the run.
        open: parameters that say where, and are not known before the run.
        granted: what is needed besides what the action declares.
    """

    step: str
    action: Action[Params] | None
    role: str | None = None
    regions: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    values: dict[str, set[str]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    granted: tuple[Grant, ...] = ()


def needs_of(project: OpenProject, plan: Plan) -> Iterator[Need]:
    """Give what the steps with AWS actions need, step by step and role by role."""
    found: dict[tuple[int, str | None], Need] = {}
    inventory = InventoryView(plan.inventory)
    for task in plan.tasks:
        call = cast("ActionCall", plan.steps[task.step].step.action)
        action = project.catalog.get(call.name)
        if action is None or not (action.aws_reads or action.aws_writes):
            continue
        written = {**project.config.defaults.get(call.name, {}), **call.params}
        scope = known_scope(plan, task, inventory)
        given = {name: _known(value, scope) for name, value in written.items()}
        role = given.get("role")
        role = role if isinstance(role, str) else None
        need = found.setdefault((task.step, role), Need(plan.steps[task.step].id, action, role))
        _collect(need, action, given)
        if not need.accounts:
            need.accounts |= _declared(plan.target(task.target).variables.get("aws_account"))
    yield from found.values()


def _known(value: JsonValue, scope: Scope) -> JsonValue:
    """Render a parameter; None when it depends on the run."""
    try:
        rendered = render(value, scope)
    except RunbookError:
        # Which of the many ways a template can depend on the run it is, does not matter here: nothing is known of it.
        return None
    return None if rendered.unknown or rendered.secrets else rendered.value


def _collect(need: Need, action: Action[Params], given: Mapping[str, JsonValue]) -> None:
    """Note regions, accounts and values of one task's parameters, defaults included."""
    fields = action.Params.model_fields
    values = {name: given[name] if name in given else fields[name].default for name in fields}
    for name, value in values.items():
        if isinstance(value, str):
            need.values.setdefault(name, set()).add(value)
            arn = _ARN_REGION.match(value)
            if arn is not None and _REGION.match(arn[1]):
                need.regions.add(arn[1])
            if name.endswith("region") and _REGION.match(value):
                need.regions.add(value)
            if name == "account":
                need.accounts.add(value)
        elif name in given and given[name] is None and (name.endswith(_PLACES) or name in _placed(action)):
            need.open.add(name)
    if isinstance(given.get("role"), str):
        need.accounts.add(str(given["role"]).split(":")[4])


def _declared(variable: JsonValue) -> set[str]:
    """Read the inventory's account; a number that is not quoted lost its leading zeros in YAML."""
    text = f"{variable:012d}" if isinstance(variable, int) and not isinstance(variable, bool) else str(variable)
    return {text} if _ACCOUNT.match(text) else set()


def _placed(action: Action[Params]) -> frozenset[str]:
    """Name the parameters that the action's ARNs are made of."""
    templates = [template for some in action.aws_resources.values() for template in some]
    return frozenset(name for template in templates for name in _BRACES.findall(template))


def grants(need: Need) -> Iterator[Grant]:
    """Give each permission with its resources and regions."""
    yield from need.granted
    if need.action is not None:
        yield from _grants_of(need, need.action)
    if need.role is not None:
        yield Grant("sts:AssumeRole", (need.role,), ())


def _grants_of(need: Need, action: Action[Params]) -> Iterator[Grant]:
    regions = tuple(sorted(need.regions)) if "region" not in need.open else ()
    for operation in action.aws_reads:
        for permission in permissions_of(operation):
            yield Grant(permission, _resources(need, action, permission, change=False), _bound(permission, regions))
    writes = [name for operation in action.aws_writes for name in permissions_of(operation)]
    for permission in (*writes, *action.aws_permissions):
        yield Grant(permission, _resources(need, action, permission, change=True), _bound(permission, regions))


def _bound(permission: str, regions: tuple[str, ...]) -> tuple[str, ...]:
    return () if permission.partition(":")[0] in GLOBAL | {"s3"} else regions


def _resources(need: Need, action: Action[Params], permission: str, *, change: bool) -> tuple[str, ...]:
    """Give the ARNs that a permission can be kept to."""
    service = permission.partition(":")[0]
    own = action.aws_resources.get(service)
    if own:
        # None: the parameter that it is of is not given, so that the permission is not needed.
        return tuple(sorted(arn for template in own for arn in _filled(need, template)))
    known = need.regions and "region" not in need.open
    if not change or not known or service not in _BOUND or permission in _UNBOUND:
        return ("*",)
    accounts = need.accounts if len(need.accounts) == 1 else {"*"}
    partition = _partition(need)
    arns = [f"arn:{partition}:{service}:{region}:{account}:*" for region in need.regions for account in accounts]
    if service in _REGIONLESS and "Global" in permission:
        arns += [f"arn:{partition}:{service}::{account}:{_REGIONLESS[service]}" for account in accounts]
    return tuple(sorted(arns))


def _filled(need: Need, template: str) -> Iterator[str]:
    """Put each parameter's values into an ARN; one whose values are not all known stands for anything."""
    texts = [template.replace("arn:aws:", f"arn:{_partition(need)}:", 1)]
    for name in _BRACES.findall(template):
        values = ["*"] if name in need.open else sorted(need.values.get(name, ()))
        texts = [text.replace(f"{{{name}}}", value) for text in texts for value in values]
    yield from texts


def _partition(need: Need) -> str:
    return partition_of(min(need.regions, default=""))


def partition_of(region: str) -> str:
    """Give the partition that a region is of, as its name tells it."""
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
