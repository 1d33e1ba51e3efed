"""postgres.promote: a standby of PostgreSQL becomes a server of its own."""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field

from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Duration,
    Finding,
    JsonScalar,
    Outputs,
    Params,
    PositiveDuration,
    format_duration,
    satisfied,
    unsatisfied,
)

# Whether it is a standby, and how old the newest change is that it has; null when it has replayed none since its start.
STATE = """\
SELECT pg_is_in_recovery() AS standby,
       pg_last_xact_replay_timestamp() AS replayed_at,
       extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8 AS age,
       pg_last_wal_receive_lsn() IS NOT DISTINCT FROM pg_last_wal_replay_lsn() AS caught_up,
       pg_last_wal_replay_lsn()::text AS lsn"""
PROMOTE = "SELECT pg_promote(false) AS asked"


class PromoteParams(Params):
    """Which standby."""

    url: str = Field(
        description="SQLAlchemy URL of the standby itself; the role must be allowed pg_promote; take the password from "
        "secret()",
        examples=["postgresql+psycopg://dr@db2.example.com/postgres"],
    )
    max_lag: Duration | None = Field(
        None,
        description="greatest age of the newest change that the standby has; with an older one it is not promoted. "
        "Where nobody writes the newest change is old although nothing is missing",
        examples=["5m"],
    )
    poll: PositiveDuration = Field(timedelta(seconds=1), description="time between two looks while it is promoted")


class PromoteOutputs(Outputs):
    """What the server has."""

    replayed_at: str | None = Field(
        None, description="time of the last change that it got from the old primary; null once it was restarted"
    )
    lsn: str | None = Field(None, description="up to where it had replayed the old primary's log")


class PostgresPromote(Action[PromoteParams]):
    """Promote a standby of PostgreSQL 12 or newer (`pg_promote`).

    It does not stop the old primary: fence that first, or there are two.
    check: asks whether the server still replays another one's log (`pg_is_in_recovery`), and how old its newest change
    is. A server that is no standby is taken for promoted, so name the standby itself, not an address that moves.
    apply: promotes it, unless it lags too far behind, and waits until it takes writes. When the connection breaks the
    check tells whether it was promoted. What was replayed last is the recovery point. It can't be undone: the old
    primary has to be rebuilt as a standby (`pg_rewind`).
    """

    name = "postgres.promote"
    reversible = False
    no_return = True
    eventual = True
    duration = "seconds; minutes when much of the log is not replayed yet"
    Params = PromoteParams
    Outputs = PromoteOutputs
    example: ClassVar[str] = """\
postgres.promote:
  url: postgresql+psycopg://dr@db2.example.com/postgres
  max_lag: 5m
"""

    def check(self, params: PromoteParams, context: ActionContext) -> Finding:
        """Ask."""
        state = _state(params, context)
        outputs = {"replayed_at": state["replayed_at"], "lsn": state["lsn"]}
        if not state["standby"]:
            return satisfied("it is no standby: it takes writes", outputs=outputs, recovery_point=_time(state))
        change = Change(what="server", before="standby", after="primary")
        evidence = {**outputs, "caught_up": state["caught_up"]}
        return unsatisfied(f"it is a standby; {_age(state)}", changes=(change,), evidence=evidence)

    def apply(self, params: PromoteParams, context: ActionContext) -> Applied:
        """Promote it."""
        state = _state(params, context)
        if not state["standby"]:
            return Applied(summary="it was promoted before", changed=False)
        _refuse_lag(params, state)
        context.sql(params.url).query(PROMOTE)
        while _state(params, context)["standby"]:
            context.progress("waiting until it takes writes")
            context.pause(params.poll.total_seconds())
        return Applied(summary=f"promoted; {_age(state)}")


def _state(params: PromoteParams, context: ActionContext) -> dict[str, JsonScalar]:
    (row,) = context.sql(params.url).query(STATE)
    return row


def _refuse_lag(params: PromoteParams, state: dict[str, JsonScalar]) -> None:
    """Keep from promoting what lags too far behind.

    Raises:
        ActionFailedError: it does, or nobody can tell.
    """
    if params.max_lag is None:
        return
    age = state["age"]
    if not isinstance(age, float):
        raise ActionFailedError(
            "how far it lags behind is not known: it has replayed no change yet",
            hint="look at the standby's log; without max_lag it is promoted all the same",
        )
    if age > params.max_lag.total_seconds():
        raise ActionFailedError(
            f"{_age(state)}, which is more than max_lag ({format_duration(params.max_lag)})",
            hint="let it catch up, promote another one, or give a greater max_lag",
        )


def _age(state: dict[str, JsonScalar]) -> str:
    age = state["age"]
    if not isinstance(age, float):
        return "it has replayed no change yet"
    rest = "all that it was sent is replayed" if state["caught_up"] else "it was sent more than it has replayed"
    return f"its newest change is {format_duration(timedelta(seconds=round(max(age, 0.0))))} old, {rest}"


def _time(state: dict[str, JsonScalar]) -> datetime | None:
    text = state["replayed_at"]
    return datetime.fromisoformat(text) if isinstance(text, str) else None
