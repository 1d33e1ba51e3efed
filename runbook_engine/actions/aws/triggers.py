"""What sets work off in AWS and can be switched: EventBridge rules, schedules, and event sources of Lambda."""

from dataclasses import dataclass, field
from typing import Protocol

from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.waiting import Seen
from runbook_engine.sdk import ActionFailedError, AwsAnswer, AwsClient, AwsError

ENABLED, DISABLED = "enabled", "disabled"
GIVEN_BACK = frozenset({"Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"})


@dataclass(frozen=True, slots=True)
class Switch:
    """How a trigger stands.

    Attributes:
        seen: `enabled`, `disabled`, or AWS's own word while it changes.
        arn: its ARN.
        managed_by: the AWS service whose it is; empty when it is the customer's.
        item: the description itself.
    """

    seen: Seen
    arn: str = ""
    managed_by: str = ""
    item: AwsAnswer = field(default_factory=dict)


class Trigger(Protocol):
    """Something that can be switched on and off."""

    @property
    def title(self) -> str:
        """What it is, for people."""
        ...

    def look(self) -> Switch:
        """Say how it stands."""
        ...

    def switch(self, wanted: str, key: str) -> None:
        """Switch it; `key` is the call's token, where the service takes one."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of an EventBridge bus."""

    events: AwsClient
    bus: str
    name: str

    @property
    def title(self) -> str:
        """What it is."""
        return f"rule {self.name} of bus {self.bus}"

    def look(self) -> Switch:
        """Describe it."""
        found = _described(self.events, "describe_rule", self.title, Name=self.name, EventBusName=self.bus)
        # Besides DISABLED there are two words for rules that are enabled.
        seen = Seen(DISABLED if found.get("State") == "DISABLED" else ENABLED, detail=str(found.get("State", "")))
        return Switch(seen, str(found.get("Arn", "")), str(found.get("ManagedBy") or ""), found)

    def switch(self, wanted: str, key: str) -> None:
        """Enable or disable it."""
        del key
        operation = "enable_rule" if wanted == ENABLED else "disable_rule"
        self.events.call(operation, Name=self.name, EventBusName=self.bus)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule of EventBridge Scheduler."""

    scheduler: AwsClient
    group: str
    name: str

    @property
    def title(self) -> str:
        """What it is."""
        return f"schedule {self.name} of group {self.group}"

    def look(self) -> Switch:
        """Describe it."""
        found = _described(self.scheduler, "get_schedule", self.title, Name=self.name, GroupName=self.group)
        return Switch(Seen(str(found.get("State", "")).lower()), str(found.get("Arn", "")), item=found)

    def switch(self, wanted: str, key: str) -> None:
        """Write it anew with the other state: Scheduler changes a schedule only as a whole.

        It takes no start that has passed, not even the schedule's own; that is left out then, since it has begun.
        """
        item = {name: value for name, value in self.look().item.items() if name not in GIVEN_BACK}
        asked = {**item, "State": wanted.upper()}
        try:
            self.scheduler.call("update_schedule", **asked, ClientToken=key)
        except AwsError as error:
            if asked.pop("StartDate", None) is None or "StartDate" not in error.message:
                raise
            self.scheduler.call("update_schedule", **asked, ClientToken=f"{key}-begun")


@dataclass(frozen=True, slots=True)
class EventSource:
    """A queue or stream that Lambda reads for a function (an event source mapping)."""

    functions: AwsClient
    id: str

    @property
    def title(self) -> str:
        """What it is."""
        return f"event source {self.id}"

    def look(self) -> Switch:
        """Describe it."""
        found = _described(self.functions, "get_event_source_mapping", self.title, UUID=self.id)
        word = str(found.get("State", ""))
        state = word.lower() if word in {"Enabled", "Disabled"} else word
        return Switch(Seen(state), str(found.get("EventSourceMappingArn") or ""), item=found)

    def switch(self, wanted: str, key: str) -> None:
        """Enable or disable it."""
        del key
        self.functions.call("update_event_source_mapping", UUID=self.id, Enabled=wanted == ENABLED)


def _described(service: AwsClient, operation: str, what: str, **asked: object) -> AwsAnswer:
    """Describe one.

    Raises:
        ActionFailedError: there is none.
    """
    try:
        return service.call(operation, **asked)
    except AwsError as error:
        if trouble(error) is not Trouble.NOT_FOUND:
            raise
        raise ActionFailedError(f"there is no {what}", hint="make it beforehand, in this region") from error
