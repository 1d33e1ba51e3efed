"""The settings of a DynamoDB table that a restore leaves out: which differ, and setting them again."""

from collections.abc import Iterator
from typing import Protocol

from runbook_engine.actions.aws.dynamodb_tables import Table, expiry_of, find_table, has_point_in_time
from runbook_engine.sdk import ActionContext, AwsClient, Change, JsonValue


class Settings(Protocol):
    """What is wanted of a table."""

    @property
    def table(self) -> str:
        """Its name."""
        ...

    @property
    def point_in_time_recovery(self) -> bool:
        """Whether it can be restored to a point in time."""
        ...

    @property
    def expiry_attribute(self) -> str | None:
        """The attribute by which its items expire."""
        ...

    @property
    def stream(self) -> str | None:
        """What its stream holds."""
        ...

    @property
    def deletion_protection(self) -> bool:
        """Whether AWS refuses to delete it."""
        ...


def shown(wanted: Settings) -> dict[str, JsonValue]:
    """Give the settings as a diff shows them."""
    return {
        "point_in_time_recovery": wanted.point_in_time_recovery,
        "expiry_attribute": wanted.expiry_attribute,
        "stream": wanted.stream,
        "deletion_protection": wanted.deletion_protection,
    }


def differing(wanted: Settings, dynamodb: AwsClient, table: Table) -> Iterator[Change]:
    """Name what a table lacks; what it has besides is left alone."""
    if wanted.point_in_time_recovery and not has_point_in_time(dynamodb, wanted.table):
        yield Change(what="point_in_time_recovery", before=False, after=True)
    if wanted.expiry_attribute is not None:
        expiry = expiry_of(dynamodb, wanted.table)
        if expiry != wanted.expiry_attribute:
            yield Change(what="expiry_attribute", before=expiry, after=wanted.expiry_attribute)
    if wanted.stream is not None and table.stream != wanted.stream:
        yield Change(what="stream", before=table.stream, after=wanted.stream)
    if wanted.deletion_protection and not table.protected:
        yield Change(what="deletion_protection", before=False, after=True)


def set_again(wanted: Settings, context: ActionContext, dynamodb: AwsClient) -> list[str]:
    """Set what a table lacks; names what was set. DynamoDB takes one change of a table at a time."""
    table = find_table(dynamodb, wanted.table)
    changes = list(differing(wanted, dynamodb, table)) if table is not None else []
    for change in changes:
        context.progress(f"table {wanted.table}: setting {change.what}")
        match change.what:
            case "point_in_time_recovery":
                dynamodb.call(
                    "update_continuous_backups",
                    TableName=wanted.table,
                    PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
                )
            case "expiry_attribute":
                specification = {"Enabled": True, "AttributeName": wanted.expiry_attribute}
                dynamodb.call("update_time_to_live", TableName=wanted.table, TimeToLiveSpecification=specification)
            case "stream":
                stream = {"StreamEnabled": True, "StreamViewType": wanted.stream}
                _update(context, dynamodb, wanted.table, StreamSpecification=stream)
            case _:
                _update(context, dynamodb, wanted.table, DeletionProtectionEnabled=True)
    return [change.what for change in changes]


def _update(context: ActionContext, dynamodb: AwsClient, name: str, **setting: object) -> None:
    """Change a table once it takes changes."""
    while (table := find_table(dynamodb, name)) is not None and table.status == "UPDATING":
        context.progress(f"table {name} is UPDATING")
        context.pause(5.0)
    dynamodb.call("update_table", TableName=name, **setting)
