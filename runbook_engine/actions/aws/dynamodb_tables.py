"""DynamoDB tables as values: what a restored table is, where it is from, and which settings it has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import as_utc, tags_of
from runbook_engine.actions.aws.waiting import Seen
from runbook_engine.sdk import AwsAnswer, AwsClient, AwsError

READY = frozenset({"ACTIVE"})
TAGGED = frozenset({"ACTIVE", "UPDATING"})
TERMINAL = frozenset({"DELETING", "ARCHIVING", "ARCHIVED", "INACCESSIBLE_ENCRYPTION_CREDENTIALS"})


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        sources: ARNs of the table and the backup that it was restored from.
        restored_to: the time that its data is from; None for a table that was not restored.
    """

    name: str
    arn: str
    status: str
    created: datetime | None
    items: int
    protected: bool
    stream: str | None
    sources: frozenset[str] = frozenset()
    restored_to: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def seen(self) -> Seen:
        """How far it is."""
        return Seen(self.status)


def find_table(dynamodb: AwsClient, name: str, *, with_tags: bool = False) -> Table | None:
    """Describe a table, None when there is none of that name."""
    try:
        item = dynamodb.call("describe_table", TableName=name)["Table"]
    except AwsError as error:
        if trouble(error) is Trouble.NOT_FOUND:
            return None
        raise
    table = _table(item)
    if not with_tags or table.status not in TAGGED:
        return table
    tags = tags_of(dynamodb.pages("list_tags_of_resource", "Tags", ResourceArn=table.arn))
    return _table(item, tags)


def has_point_in_time(dynamodb: AwsClient, name: str) -> bool:
    """Tell whether a table can be restored to a point in time."""
    return point_in_time(dynamodb, name).get("PointInTimeRecoveryStatus") == "ENABLED"


def point_in_time(dynamodb: AwsClient, name: str) -> AwsAnswer:
    """Describe to which times a table can be restored."""
    answer = dynamodb.call("describe_continuous_backups", TableName=name)["ContinuousBackupsDescription"]
    found: AwsAnswer = answer.get("PointInTimeRecoveryDescription") or {}
    return found


def expiry_of(dynamodb: AwsClient, name: str) -> str | None:
    """Give the attribute by which a table's items expire; None when they don't."""
    found = dynamodb.call("describe_time_to_live", TableName=name).get("TimeToLiveDescription") or {}
    on = found.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
    return str(found.get("AttributeName")) if on else None


def count_items(dynamodb: AwsClient, name: str, enough: int) -> int:
    """Count a table's items by reading it, until there are enough of them."""
    count, start = 0, None
    while count < enough:
        page = dynamodb.call("scan", TableName=name, Select="COUNT", ExclusiveStartKey=start)
        count += int(page.get("Count", 0))
        start = page.get("LastEvaluatedKey")
        if not start:
            break
    return count


def _table(item: AwsAnswer, tags: Mapping[str, str] | None = None) -> Table:
    summary, created = item.get("RestoreSummary") or {}, item.get("CreationDateTime")
    sources = {summary.get("SourceTableArn"), summary.get("SourceBackupArn")} - {None}
    point = summary.get("RestoreDateTime")
    return Table(
        name=item["TableName"],
        arn=item["TableArn"],
        status=item["TableStatus"],
        created=as_utc(created) if created else None,
        items=int(item.get("ItemCount", 0)),
        protected=bool(item.get("DeletionProtectionEnabled")),
        stream=(item.get("StreamSpecification") or {}).get("StreamViewType"),
        sources=frozenset(str(source) for source in sources),
        restored_to=as_utc(point) if point else None,
        tags=tags or {},
    )
