"""ECS services as AWS describes them: counts, deployments, and tasks that failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook_engine.sdk import ActionFailedError, AwsAnswer, AwsClient


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of a service.

    Attributes:
        failed: whether ECS gave it up (its circuit breaker did).
        failed_tasks: tasks that did not come up or did not stay up, one after the other.
        reason: what ECS says of it.
    """

    id: str
    completed: bool
    failed: bool
    failed_tasks: int
    reason: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service.

    Attributes:
        task_definition: family and revision (`web:12`).
        event: id and text of the newest event; empty when there is none.
    """

    name: str
    arn: str
    status: str
    desired: int
    running: int
    pending: int
    task_definition: str
    deployments: tuple[Deployment, ...] = ()
    event: tuple[str, str] = ("", "")
    tags: Mapping[str, str] = field(default_factory=dict)

    def stable(self, *, at_least: bool = False) -> bool:
        """Whether as many tasks run as are desired, and no deployment is under way."""
        enough = self.running >= self.desired if at_least else self.running == self.desired
        under_way = len(self.deployments) > 1 or not all(one.completed for one in self.deployments)
        return enough and not under_way and (at_least or self.pending == 0)

    @property
    def failed_tasks(self) -> dict[str, int]:
        """Failed tasks by the deployment's id."""
        return {one.id: one.failed_tasks for one in self.deployments}

    @property
    def given_up(self) -> dict[str, str]:
        """What ECS says of each deployment that it gave up, by its id."""
        return {one.id: one.reason for one in self.deployments if one.failed}


def short(task_definition: str) -> str:
    """Give family and revision of a task definition's ARN."""
    return task_definition.rsplit("/", 1)[-1]


def find_service(ecs: AwsClient, cluster: str, name: str) -> Service:
    """Describe a service.

    Raises:
        ActionFailedError: there is none that is active.
    """
    answer = ecs.call("describe_services", cluster=cluster, services=[name], include=["TAGS"])
    found = answer.get("services") or []
    if not found or found[0].get("status") != "ACTIVE":
        state = f"is {found[0].get('status')}" if found else "is not there"
        raise ActionFailedError(f"service {name} of cluster {cluster} {state}", hint="make it beforehand")
    return _service(found[0])


def _service(item: AwsAnswer) -> Service:
    events = item.get("events") or [{}]
    return Service(
        name=str(item.get("serviceName", "")),
        arn=str(item.get("serviceArn", "")),
        status=str(item.get("status", "")),
        desired=int(item.get("desiredCount") or 0),
        running=int(item.get("runningCount") or 0),
        pending=int(item.get("pendingCount") or 0),
        task_definition=short(str(item.get("taskDefinition", ""))),
        deployments=tuple(_deployment(one) for one in item.get("deployments") or ()),
        event=(str(events[0].get("id", "")), str(events[0].get("message", ""))),
        tags={str(tag["key"]): str(tag.get("value", "")) for tag in item.get("tags") or ()},
    )


def _deployment(item: AwsAnswer) -> Deployment:
    # Services that do not roll out by ECS itself have no rollout state.
    state = item.get("rolloutState") or "COMPLETED"
    return Deployment(
        id=str(item.get("id", "")),
        completed=state == "COMPLETED",
        failed=state == "FAILED",
        failed_tasks=int(item.get("failedTasks") or 0),
        reason=str(item.get("rolloutStateReason") or ""),
    )
