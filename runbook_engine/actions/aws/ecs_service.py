"""aws.ecs_service: an ECS service runs so many tasks of a task definition, and they stay up."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.before import noted, recorded_before, remember
from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.ecs_services import Service, find_service, short
from runbook_engine.actions.aws.waiting import Seen, refuse_terminal, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    Applied,
    AwsClient,
    Change,
    Finding,
    JsonValue,
    Outputs,
    satisfied,
    unsatisfied,
)

STABLE, GIVEN_UP, FAILING, ROLLED_BACK = "stable", "given up by ECS", "failing to start tasks", "rolled back by ECS"
TERMINAL = frozenset({GIVEN_UP, FAILING, ROLLED_BACK})
HINT = "see the service's events and why its tasks stopped: image in this region's registry, capacity, health checks"


class EcsParams(PolledParams):
    """Which service, and what shall run."""

    cluster: str = Field(min_length=1, description="name or ARN of the cluster", examples=["standby"])
    service: str = Field(min_length=1, description="name or ARN of the service", examples=["web"])
    desired: int | None = Field(None, ge=0, description="number of tasks; default: as it is", examples=[4])
    task_definition: str | None = Field(
        None,
        pattern=r"^[^:]+:\d+$|^arn:[a-z-]+:ecs:.+:task-definition/[^:]+:\d+$",
        description="task definition with its revision, or its ARN; default: as it is",
        examples=["web:12"],
    )
    at_least: bool = Field(
        default=False, description="whether more tasks are good as well, where the service also scales by itself"
    )
    failed_tasks: int = Field(3, ge=1, description="tasks that may fail to come up before the step fails")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.desired is None and self.task_definition is None:
            raise ValueError("give at least one of desired and task_definition")
        return self


class EcsOutputs(Outputs):
    """What runs."""

    service: str = Field("", description="name of the service")
    desired: int = Field(0, description="tasks wanted")
    running: int = Field(0, description="tasks running")
    task_definition: str = Field("", description="family and revision of the task definition")
    failed_tasks: int = Field(0, description="tasks of the deployment that failed one after the other, as ECS counts")
    before: dict[str, int | str] = Field(
        {}, description="desired and task_definition as they were, which `revert` sets again"
    )


class EcsService(Action[EcsParams]):
    """Set how many tasks an ECS service runs, and of which task definition; wait until they run and stay up.

    check: compares the desired count and the task definition, and whether the service is stable: as many tasks run as
    are desired, and no deployment is under way. A service that is not there or not active, and a deployment of what is
    wanted that ECS gave up, fail the step.
    apply: notes what was in the tag `dr:before`, updates, and waits until two looks in a row find the service stable
    with no task failed in between. It fails at once when ECS gives the deployment up or rolls it back, and when
    `failed_tasks` have failed: tasks that crash over and over look stable now and then.
    revert: sets count and task definition that were before, and waits.
    """

    name = "aws.ecs_service"
    eventual = True
    aws_reads = ("ecs:DescribeServices",)
    aws_writes = ("ecs:TagResource", "ecs:UpdateService")
    aws_permissions = ("iam:PassRole",)
    duration = "1-10 min, by how long a task takes to be healthy"
    tested = ("moto, amended", "model")
    Params = EcsParams
    Outputs = EcsOutputs
    example: ClassVar[str] = """\
aws.ecs_service:
  cluster: standby
  service: web
  desired: 4
  region: eu-west-1
"""

    def check(self, params: EcsParams, context: ActionContext) -> Finding:
        """Compare."""
        service = find_service(client(params, context, "ecs"), params.cluster, params.service)
        changes = _differing(params, service)
        if changes:
            words = ", ".join(f"{change.what} is {change.before}, not {change.after}" for change in changes)
            return unsatisfied(words, changes=changes)
        given_up = "; ".join(service.given_up.values())
        if service.given_up:
            refuse_terminal(f"deployment of {service.name}", Seen(GIVEN_UP, detail=given_up), TERMINAL, hint=HINT)
        if not service.stable(at_least=params.at_least):
            change = Change(what=f"tasks of {service.name}", before=service.running, after=service.desired)
            return unsatisfied(f"{service.name}: {_progress(service)}", changes=(change,))
        outputs: dict[str, JsonValue] = {
            "service": service.name,
            "desired": service.desired,
            "running": service.running,
            "task_definition": service.task_definition,
            "failed_tasks": sum(service.failed_tasks.values()),
        }
        if before := noted(service.tags, context):
            outputs["before"] = before
        words = f"{service.name} runs {service.running} tasks of {service.task_definition}"
        return satisfied(words, outputs=outputs)

    def apply(self, params: EcsParams, context: ActionContext) -> Applied:
        """Note, update, wait."""
        ecs = client(params, context, "ecs")
        service = find_service(ecs, params.cluster, params.service)
        before = noted(service.tags, context)
        if _differing(params, service):
            now: dict[str, JsonValue] = {"desired": service.desired, "task_definition": service.task_definition}
            before = remember(context, service.tags, now, lambda key, value: _tag(ecs, service, key, value))
            _update(params, ecs, service)
        _wait(params, context, ecs, service)
        outputs: dict[str, JsonValue] = {"before": before} if before else {}
        return Applied(summary=f"{service.name} is stable", outputs=outputs)

    def revert(self, params: EcsParams, context: ActionContext) -> Applied:
        """Set what was before."""
        before = recorded_before(context, params.service)
        was = {"desired": int(str(before["desired"])), "task_definition": str(before["task_definition"])}
        back = params.model_copy(update={**was, "at_least": False})
        ecs = client(params, context, "ecs")
        service = find_service(ecs, params.cluster, params.service)
        _update(back, ecs, service)
        _wait(back, context, ecs, service)
        return Applied(summary=f"{service.name} is {before['desired']} tasks of {before['task_definition']} again")


def _differing(params: EcsParams, service: Service) -> tuple[Change, ...]:
    changes = []
    if _lacks_count(params, service):
        what = f"desired count of {service.name}"
        changes.append(Change(what=what, before=service.desired, after=params.desired))
    if _is_of_another(params, service):
        what = f"task definition of {service.name}"
        changes.append(Change(what=what, before=service.task_definition, after=short(params.task_definition or "")))
    return tuple(changes)


def _lacks_count(params: EcsParams, service: Service) -> bool:
    if params.desired is None or (params.at_least and service.desired >= params.desired):
        return False
    return service.desired != params.desired


def _is_of_another(params: EcsParams, service: Service) -> bool:
    return params.task_definition is not None and short(params.task_definition) != service.task_definition


def _update(params: EcsParams, ecs: AwsClient, service: Service) -> None:
    """Update what differs; a task definition that is named again would begin a deployment for nothing."""
    ecs.call(
        "update_service",
        cluster=params.cluster,
        service=params.service,
        desiredCount=params.desired if _lacks_count(params, service) else None,
        taskDefinition=params.task_definition if _is_of_another(params, service) else None,
    )


def _tag(ecs: AwsClient, service: Service, key: str, value: str) -> None:
    ecs.call("tag_resource", resourceArn=service.arn, tags=[{"key": key, "value": value}])


def _wait(params: EcsParams, context: ActionContext, ecs: AwsClient, known: Service) -> None:
    """Wait until it is stable, twice in a row; what failed before `known` was seen does not count."""
    stable_at: list[int] = []

    def look() -> Seen:
        service = find_service(ecs, params.cluster, params.service)
        new = sum(max(count - known.failed_tasks.get(name, 0), 0) for name, count in service.failed_tasks.items())
        given_up = [reason for name, reason in service.given_up.items() if name not in known.given_up]
        said = service.event[1] if service.event[0] != known.event[0] else ""
        if given_up:
            return Seen(GIVEN_UP, detail="; ".join(given_up))
        if _is_of_another(params, service):
            return Seen(ROLLED_BACK, detail=f"to {service.task_definition}; {said}")
        if new >= params.failed_tasks:
            return Seen(FAILING, detail=f"{new} failed; {said}")
        if not service.stable(at_least=params.at_least):
            stable_at.clear()
            words = f"{_progress(service)}, {new} failed" if new else _progress(service)
            return Seen(words, detail=said)
        stable = stable_at == [new]
        stable_at[:] = [new]
        return Seen(STABLE if stable else f"{service.running} running, looking whether they stay up")

    wait_until(params, context, look, what=params.service, ready={STABLE}, terminal=TERMINAL, hint=HINT)


def _progress(service: Service) -> str:
    under_way = len(service.deployments) if len(service.deployments) > 1 else 0
    rolling = f", {under_way} deployments" if under_way else ""
    if not rolling and not all(one.completed for one in service.deployments):
        rolling = ", its deployment is under way"
    return f"{service.running} of {service.desired} running, {service.pending} pending{rolling}"
