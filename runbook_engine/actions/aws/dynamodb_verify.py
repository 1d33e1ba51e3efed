"""aws.dynamodb_verify: the items of a DynamoDB table are as many, as whole and as fresh as they must be."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import AwsParams, client
from runbook_engine.actions.aws.dynamodb_items import Scalar, as_key, as_time, plain
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    AwsClient,
    AwsError,
    Finding,
    JsonValue,
    Outputs,
    Params,
    PositiveDuration,
    format_duration,
    satisfied,
    unsatisfied,
)


class Sample(Params):
    """An item that must be there."""

    key: dict[str, Scalar] = Field(
        min_length=1, max_length=2, description="its key: text or a whole number", examples=[{"id": "s-1"}]
    )
    equals: dict[str, Scalar | float | bool] = Field(
        {}, description="values that it must have", examples=[{"user": "dana"}]
    )


class Newest(Params):
    """How fresh the newest item must be."""

    attribute: str = Field(min_length=1, description="holds a time: ISO 8601, or seconds since 1970")
    max_age: PositiveDuration = Field(description="greatest age of the newest item", examples=["24h"])


class DynamodbVerifyParams(AwsParams):
    """What must be true of the items."""

    table: str = Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$", description="name of the table", examples=["orders-verify"])
    min_items: int = Field(1, ge=0, description="fewest items")
    max_items: int | None = Field(None, ge=0, description="most items")
    attributes: list[str] = Field([], description="attributes that every item must have", examples=[["id", "user"]])
    newest: Newest | None = Field(
        None,
        description="freshness of the newest item",
        examples=[{"attribute": "created_at", "max_age": "24h"}],
    )
    samples: list[Sample] = Field([], max_length=100, description="items that must be there, with their values")

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.max_items is not None and self.max_items < self.min_items:
            raise ValueError("max_items is less than min_items")
        return self


class DynamodbVerifyOutputs(Outputs):
    """What was found."""

    items: int = Field(0, description="items, counted by reading them all")
    newest: str = Field("", description="time of the newest item, UTC; empty when it was not asked for")


class DynamodbVerify(Action[DynamodbVerifyParams]):
    """Verify the items of a DynamoDB table, such as one that was restored to be looked at.

    check: reads the whole table, which costs by its size, counts its items, and looks at their attributes, at the
    newest and at samples. Whatever is not as it must be is told, and fails the step.
    """

    name = "aws.dynamodb_verify"
    eventual = True
    aws_reads = ("dynamodb:Scan", "dynamodb:GetItem")
    duration = "seconds to hours, by size"
    tested = ("moto", "ministack")
    Params = DynamodbVerifyParams
    Outputs = DynamodbVerifyOutputs
    example: ClassVar[str] = """\
aws.dynamodb_verify:
  table: orders-verify
  min_items: 1000
  newest: {attribute: created_at, max_age: 24h}
  region: eu-west-1
"""

    def check(self, params: DynamodbVerifyParams, context: ActionContext) -> Finding:
        """Read, count and compare."""
        dynamodb = client(params, context, "dynamodb")
        count, lacking, newest = 0, dict.fromkeys(params.attributes, 0), None
        for item in _items(params, context, dynamodb):
            count += 1
            for name in lacking:
                lacking[name] += name not in item
            if params.newest is not None:
                time = as_time(item.get(params.newest.attribute))
                newest = time if newest is None or (time is not None and time > newest) else newest
        problems = [
            *_count(params, count),
            *(f"{missing} items lack {name}" for name, missing in lacking.items() if missing),
            *_freshness(params, context, newest),
            *(problem for sample in params.samples for problem in _sample(params, dynamodb, sample)),
        ]
        evidence: dict[str, JsonValue] = {"items": count, "newest": newest.isoformat() if newest else ""}
        if problems:
            return unsatisfied(f"table {params.table}: {'; '.join(problems)}", outputs=evidence, evidence=evidence)
        words = f"the {count} items of table {params.table} are as expected"
        return satisfied(words, outputs=evidence, evidence=evidence)


def _items(params: DynamodbVerifyParams, context: ActionContext, dynamodb: AwsClient) -> Iterator[dict[str, object]]:
    """Read every item, with the attributes that are looked at; says how far it is.

    Raises:
        ActionFailedError: there is no such table.
    """
    names = [*params.attributes, *([params.newest.attribute] if params.newest is not None else [])]
    aliases = {f"#n{number}": name for number, name in enumerate(dict.fromkeys(names))}
    start, read = None, 0
    while True:
        try:
            page = dynamodb.call(
                "scan",
                TableName=params.table,
                ProjectionExpression=", ".join(aliases) or None,
                ExpressionAttributeNames=aliases or None,
                ExclusiveStartKey=start,
            )
        except AwsError as error:
            if trouble(error) is not Trouble.NOT_FOUND:
                raise
            raise ActionFailedError(f"there is no table {params.table} in {params.region}") from error
        yield from page.get("Items") or ()
        read += int(page.get("Count", 0))
        start = page.get("LastEvaluatedKey")
        if not start:
            return
        context.progress(f"table {params.table}: {read} items read")


def _count(params: DynamodbVerifyParams, count: int) -> Iterator[str]:
    if count < params.min_items:
        yield f"holds {count} items, less than {params.min_items}"
    if params.max_items is not None and count > params.max_items:
        yield f"holds {count} items, more than {params.max_items}"


def _freshness(params: DynamodbVerifyParams, context: ActionContext, newest: datetime | None) -> Iterator[str]:
    if params.newest is None:
        return
    if newest is None:
        yield f"no item has a time in {params.newest.attribute}"
    elif context.clock.now() - newest > params.newest.max_age:
        old = format_duration(timedelta(seconds=round((context.clock.now() - newest).total_seconds())))
        yield f"the newest item is {old} old, more than {format_duration(params.newest.max_age)}"


def _sample(params: DynamodbVerifyParams, dynamodb: AwsClient, sample: Sample) -> Iterator[str]:
    name = ", ".join(f"{key}={value}" for key, value in sample.key.items())
    found = dynamodb.call("get_item", TableName=params.table, Key=as_key(sample.key)).get("Item")
    if found is None:
        yield f"there is no item {name}"
        return
    for attribute, wanted in sample.equals.items():
        value = plain(found.get(attribute))
        if value != wanted:
            yield f"{attribute} of item {name} is {value!r} instead of {wanted!r}"
