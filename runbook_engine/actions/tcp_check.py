"""tcp.check: a port can be connected to."""

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field

from runbook_engine.actions.tcp_probe import look_at_port
from runbook_engine.sdk import Action, ActionContext, Finding, Outputs, Params, PositiveDuration, satisfied, unsatisfied


class TcpCheckParams(Params):
    """Where to connect to."""

    host: str = Field(min_length=1, description="name or address", examples=["db.example.com"])
    port: int = Field(ge=1, le=65535, description="TCP port", examples=[5432])
    state: Literal["open", "closed"] = Field(
        "open", description="what it shall be; `closed` proves that a fenced host takes no more connections"
    )
    timeout: PositiveDuration = Field(timedelta(seconds=5), description="for the attempt to connect", examples=["5s"])


class TcpCheckOutputs(Outputs):
    """How the attempt went."""

    seconds: float = Field(0.0, description="how long connecting took")


class TcpCheck(Action[TcpCheckParams]):
    """Verify that a TCP port can be connected to, or that it can't.

    check: connects from the machine that runs the step, sends nothing, and closes. `closed` is what a refusal, silence
    or an unreachable host or network shows; a name that can't be resolved shows nothing, and fails.
    """

    name = "tcp.check"
    Params = TcpCheckParams
    Outputs = TcpCheckOutputs
    example: ClassVar[str] = """\
tcp.check:
  host: db.example.com
  port: 5432
"""

    def check(self, params: TcpCheckParams, context: ActionContext) -> Finding:
        """Connect."""
        timeout = min(params.timeout.total_seconds(), context.remaining())
        look = look_at_port(params.host, params.port, timeout=timeout, monotonic=context.clock.monotonic)
        where = f"{params.host}:{params.port}"
        words = f"{where} takes connections" if look.state == "open" else f"{where} takes no connection: {look.words}"
        if look.state == params.state:
            return satisfied(words, outputs={"seconds": round(look.seconds, 3)})
        if params.state == "closed" and look.state == "unproven":
            return unsatisfied(f"{where}: {look.unproven_words}")
        return unsatisfied(words)
