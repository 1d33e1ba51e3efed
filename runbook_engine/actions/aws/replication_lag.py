"""How far a replica lags behind, by CloudWatch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.marks import as_utc
from runbook_engine.sdk import (
    ActionContext,
    ActionFailedError,
    AwsError,
    PositiveDuration,
    ServiceUnreachableError,
    format_duration,
)

LOOK_BACK = timedelta(minutes=10)
PERIOD = 60


class LagParams(PolledParams):
    """How much lag is borne."""

    max_lag: PositiveDuration | None = Field(
        None,
        description="refuse while the replica lags more than that, or when its lag isn't known; default: go on, since "
        "a primary that is lost will not be caught up with",
        examples=["30s"],
    )


@dataclass(frozen=True, slots=True)
class Lag:
    """What the replica lacked at a time; `lag` is None when nobody knows, and `why` says so."""

    lag: timedelta | None
    at: datetime | None = None
    why: str = ""

    @property
    def recovery_point(self) -> datetime | None:
        """The time that the replica's data was from when the lag was measured."""
        return self.at - self.lag if self.at is not None and self.lag is not None else None

    def __str__(self) -> str:
        if self.lag is None:
            return f"lag not known: {self.why}"
        return f"lag {format_duration(timedelta(seconds=round(self.lag.total_seconds())))}"


def replication_lag(
    params: PolledParams,
    context: ActionContext,
    metric: str,
    dimensions: Mapping[str, str],
    *,
    unit: timedelta = timedelta(seconds=1),
) -> Lag:
    """Ask CloudWatch for the newest value of a metric of RDS; a failure to ask is an unknown lag.

    Args:
        unit: what a value of 1 means.
    """
    now = context.clock.now()
    try:
        answer = client(params, context, "cloudwatch").call(
            "get_metric_statistics",
            Namespace="AWS/RDS",
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - LOOK_BACK,
            EndTime=now,
            Period=PERIOD,
            Statistics=["Maximum"],
        )
    except (AwsError, ServiceUnreachableError) as error:
        return Lag(None, why=error.message)
    points = sorted(answer.get("Datapoints") or [], key=lambda point: as_utc(point["Timestamp"]))
    if not points:
        return Lag(None, why=f"CloudWatch has no {metric} of the last {format_duration(LOOK_BACK)}")
    value, at = float(points[-1]["Maximum"]), as_utc(points[-1]["Timestamp"])
    if value < 0:  # RDS says -1 when replication does not run
        return Lag(None, at, f"{metric} is {value:g}: replication does not run")
    return Lag(value * unit, at)


def refuse_lag(params: LagParams, what: str, lag: Lag) -> None:
    """Refuse to go on with too much lag.

    Raises:
        ActionFailedError: it is above the step's limit, or not known.
    """
    if params.max_lag is not None and (lag.lag is None or lag.lag > params.max_lag):
        raise ActionFailedError(
            f"{what}: {lag}, and at most {format_duration(params.max_lag)} is allowed",
            hint="wait for the replica to catch up, or leave max_lag out if the primary is lost",
        )
