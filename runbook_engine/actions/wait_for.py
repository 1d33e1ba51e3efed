"""wait.for: wait until a port or a path is there or gone, or for a while."""

from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from runbook_engine.actions.patience import pause_or_give_up
from runbook_engine.actions.tcp_probe import look_at_port
from runbook_engine.sdk import (
    Action,
    ActionContext,
    Applied,
    Change,
    Finding,
    Params,
    PositiveDuration,
    format_duration,
    satisfied,
    unknown,
    unsatisfied,
)

CONNECT_TIMEOUT = 5.0


class WaitForParams(Params):
    """Exactly one of `port`, `path` and `duration`."""

    port: int | None = Field(None, ge=1, le=65535, description="TCP port, tried from the machine that runs the step")
    host: str | None = Field(
        None, description="where the port is; default: the target's address", examples=["10.0.0.7"]
    )
    path: str | None = Field(None, description="path on the target", examples=["/var/run/app.pid"])
    state: Literal["present", "absent", "started", "stopped"] = Field(
        "present", description="what to wait for; `started` means present and `stopped` absent, as for a service"
    )
    duration: PositiveDuration | None = Field(None, description="just wait that long", examples=["30s"])
    poll: PositiveDuration = Field(timedelta(seconds=5), description="time between two looks", examples=["5s"])

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        given = [name for name in ("port", "path", "duration") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of port, path and duration")
        if self.host is not None and self.port is None:
            raise ValueError("host goes with port")
        return self


class WaitFor(Action[WaitForParams]):
    """Wait until a port or a path is there (or gone), or for a fixed time.

    check: one look; a port of a name that can't be resolved is neither there nor gone. With `duration` nobody can tell
    whether the time has passed, so that a dry run can't prove it.
    apply: looks every `poll` until it is so or the step's timeout has passed; changes nothing.
    """

    name = "wait.for"
    Params = WaitForParams
    example: ClassVar[str] = """\
wait.for:
  host: db.example.com
  port: 5432
  poll: 2s
"""

    def check(self, params: WaitForParams, context: ActionContext) -> Finding:
        """Look once."""
        if params.duration is not None:
            words = f"waits {format_duration(params.duration)}"
            return unknown(words, changes=(Change(what="wait", after=format_duration(params.duration)),))
        so, words = _look(params, context)
        if so:
            return satisfied(words)
        return unsatisfied(words, changes=(Change(what="wait until", before=words, after=params.state),))

    def apply(self, params: WaitForParams, context: ActionContext) -> Applied:
        """Look until it is so."""
        began = context.clock.monotonic()
        if params.duration is not None:
            end = began + params.duration.total_seconds()
            while (left := end - context.clock.monotonic()) > 0:
                context.progress(f"waiting, {left:.0f} s left")
                context.pause(min(left, params.poll.total_seconds()))
            return Applied(summary=f"waited {format_duration(params.duration)}", changed=False)
        while True:
            so, words = _look(params, context)
            if so:
                waited = context.clock.monotonic() - began
                return Applied(summary=f"{words}, after {waited:.0f} s", changed=False)
            context.progress(words)
            pause_or_give_up(params.poll.total_seconds(), context, began, words)


def _look(params: WaitForParams, context: ActionContext) -> tuple[bool, str]:
    """Tell whether it is so, and what was seen."""
    wanted = params.state in {"present", "started"}
    if params.path is not None:
        there = context.connection.stat(params.path) is not None
        return there == wanted, f"{params.path} is {'there' if there else 'not there'}"
    host = params.host or str(context.target.variables.get("ansible_host", context.target.name))
    look = look_at_port(host, params.port or 0, timeout=min(CONNECT_TIMEOUT, context.remaining()))
    where = f"{host}:{params.port}"
    if look.state == "open":
        return wanted, f"{where} takes connections"
    if look.state == "unproven" and not wanted:
        return False, f"{where}: {look.unproven_words}"
    return not wanted, f"{where}: {look.words}"
