"""aws.dynamodb_restore through boto3 against moto; what is restored of another region, against the model."""

from datetime import UTC, datetime

import pytest
from support.aws_model import ModelService
from support.aws_wire import RefusedError

from runbook_engine.actions.aws.dynamodb_restore import DynamodbRestore
from runbook_engine.sdk import ActionFailedError

STANDBY = "eu-west-1"
SOURCE = f"arn:aws:dynamodb:{STANDBY}:123456789012:table/orders"
RESTORE = {
    "source_table": SOURCE,
    "table": "orders-dr",
    "region": STANDBY,
    "expiry_attribute": "expires_at",
    "stream": "NEW_IMAGE",
    "deletion_protection": True,
    "min_items": 3,
    "poll": "1s",
}
ACTION = DynamodbRestore()


@pytest.fixture
def context(moto, cloud):
    return cloud(moto.endpoint)


@pytest.fixture
def orders(context, boto):
    dynamodb = boto("dynamodb")
    dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_continuous_backups(
        TableName="orders", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    for number in range(3):
        dynamodb.put_item(TableName="orders", Item={"id": {"S": str(number)}})
    return dynamodb


def test_a_table_is_restored_with_its_settings_then_is_unchanged_then_is_reverted(
    moto, context, orders, step, look, looks_without_writing
):
    assert looks_without_writing(moto, ACTION, RESTORE, context).recovery_point is not None
    moto.slow("dynamodb:DescribeTable", b'"ACTIVE"', b'"CREATING"', 3, after="dynamodb:RestoreTableToPointInTime")
    outcome, finding, outputs = step(ACTION, RESTORE, context)
    assert outcome == "changed"
    assert any("CREATING" in text for text in context.progress_texts)
    assert outputs["items"] == 3
    assert finding.recovery_point is not None
    table = orders.describe_table(TableName="orders-dr")["Table"]
    assert table["DeletionProtectionEnabled"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
    assert orders.describe_time_to_live(TableName="orders-dr")["TimeToLiveDescription"]["AttributeName"] == "expires_at"
    assert step(ACTION, RESTORE, context)[0] == "unchanged"
    ACTION.revert(ACTION.Params.model_validate(RESTORE), context)
    assert look(ACTION, RESTORE, context).summary.startswith("there is no table orders-dr")


def test_a_lost_reply_is_not_a_second_restore(moto, context, orders, survives_a_lost_reply):
    survives_a_lost_reply(moto, "dynamodb:RestoreTableToPointInTime", ACTION, RESTORE, context)
    assert moto.count("dynamodb:RestoreTableToPointInTime") == 1


def test_a_backup_is_restored(context, orders, step):
    backup = orders.create_backup(TableName="orders", BackupName="daily")["BackupDetails"]["BackupArn"]
    params = {"backup": backup, "table": "orders-dr", "region": STANDBY, "min_items": 3}
    assert step(ACTION, params, context)[0] == "changed"
    assert step(ACTION, params, context)[0] == "unchanged"


def test_a_foreign_table_is_left_alone(context, orders):
    params = ACTION.Params.model_validate({**RESTORE, "table": "orders"})
    for attempt in (ACTION.apply, ACTION.revert):
        with pytest.raises(ActionFailedError, match="it is left alone"):
            attempt(params, context)
    assert orders.describe_table(TableName="orders")


class TwoRegions(ModelService):
    """DynamoDB with a table in us-east-1 that eu-west-1 may restore, which no emulator does."""

    service = "dynamodb"

    def __init__(self):
        self.asked, self.table, self.tags, self.recovery = None, None, [], False

    def describe_table(self, asked, region):
        if self.table is None or region != STANDBY:
            raise RefusedError("ResourceNotFoundException")
        return {"Table": self.table}

    def describe_continuous_backups(self, asked, region):
        on = "ENABLED" if region != STANDBY or self.recovery else "DISABLED"
        details = {
            "PointInTimeRecoveryStatus": on,
            "EarliestRestorableDateTime": datetime(2026, 11, 1, tzinfo=UTC),
            "LatestRestorableDateTime": datetime(2026, 11, 23, 8, 50, tzinfo=UTC),
        }
        return {
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": details,
            }
        }

    def restore_table_to_point_in_time(self, asked, region):
        self.asked = asked
        summary = {
            "SourceTableArn": asked["SourceTableArn"],
            "RestoreDateTime": datetime(2026, 11, 23, 8, 50, tzinfo=UTC),
            "RestoreInProgress": True,
        }
        self.table = {
            "TableName": asked["TargetTableName"],
            "TableArn": f"arn:aws:dynamodb:{STANDBY}:123456789012:table/orders-dr",
            "TableStatus": "ACTIVE",
            "CreationDateTime": datetime.now(UTC),
            "RestoreSummary": summary,
            "ItemCount": 3,
        }
        return {"TableDescription": self.table}

    def list_tags_of_resource(self, asked, region):
        return {"Tags": self.tags}

    def tag_resource(self, asked, region):
        self.tags = asked["Tags"]
        return {}

    def update_continuous_backups(self, asked, region):
        self.recovery = True
        return self.describe_continuous_backups(asked, region)


def test_another_regions_table_is_restored_here(modelled, cloud, step):
    fake = TwoRegions()
    faults = modelled(fake)
    context = cloud(faults.endpoint)
    source = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
    params = {"source_table": source, "table": "orders-dr", "region": STANDBY}
    outcome, _, outputs = step(ACTION, params, context)
    assert outcome == "changed"
    assert outputs["recovery_point"] == "2026-11-23T08:50:00+00:00"
    assert fake.asked == {"SourceTableArn": source, "TargetTableName": "orders-dr", "UseLatestRestorableTime": True}
    assert step(ACTION, params, context)[0] == "unchanged"
