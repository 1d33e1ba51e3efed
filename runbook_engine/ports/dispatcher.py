"""Orders out, reports back: the only seam between the loop and whoever makes the attempts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from runbook_engine.model.inventory import Target
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Finding, Grade, Mode, Outcome


class AttemptOrder(NamedTuple):
    """One attempt to make; serialisable, carries no secret. A plain tuple, since a long run makes 100,000 of them.

    Attributes:
        parameters: rendered; where a secret belongs stands a placeholder.
        secrets: reference (`env:NAME`) of each placeholder; placeholders can't be guessed by a host.
        timeout: seconds the attempt may take.
        rendered: text of each template file that the parameters name, rendered, by the SHA-256 of its source.
        recorded: outputs that the task ended with, when it is to be undone.
        undo: take back, by the action's `revert`, what was applied with these parameters and left `recorded`.
        look: only tell what the check says now of what ended well before (`unchanged`: it is so still; `would-change`:
            it is not; `unproven`: nobody can tell), and do nothing about it.
        settle: find out about an earlier attempt of the same token before doing anything.
        only_settle: begin nothing: a command that never began on its target stays in doubt.
        elsewhere: the machine whose localhost an earlier attempt began on, when that is another one; empty otherwise.
        taints: dry run only: true when something the task needs was not really done, so that a verification
            that is not satisfied proves nothing.
    """

    run: str
    task: str
    step: str
    number: int
    action: str
    parameters: JsonObject
    secrets: Mapping[str, str]
    target: Target
    mode: Mode
    runbook: str
    operator: str
    token: str
    timeout: float
    fence: int = 0
    settle: bool = False
    only_settle: bool = False
    look: bool = False
    undo: bool = False
    rendered: Mapping[str, str] = {}
    taints: bool = False
    become_user: str | None = None
    environment: Mapping[str, str] = {}
    sensitive: bool = False
    recorded: JsonObject = {}
    elsewhere: str = ""


class AttemptReport(NamedTuple):
    """How an attempt ended, free of secrets.

    Attributes:
        in_doubt: the attempt may or may not have had its effect; a person or a later check must tell.
        needs_person: no later check can tell.
        output: captured output by stream, capped.
        lost: whoever made the attempt vanished, and nobody else knows how it ended; another one is to find out.
        for_good: it failed, and the same once more would be refused again; it is not retried by itself.
        unbegun: nobody had begun it when it was taken back: nothing was done, and nothing is in doubt because of it.
    """

    task: str
    number: int
    outcome: Outcome
    finding: Finding | None = None
    outputs: JsonObject = {}
    grade: Grade | None = None
    seconds: float = 0.0
    error: str = ""
    in_doubt: bool = False
    needs_person: bool = False
    output: Mapping[str, bytes] = {}
    recovery_point: datetime | None = None
    lost: bool = False
    unbegun: bool = False
    for_good: bool = False


class EndedAttempt(NamedTuple):
    """An attempt whose end is about to be recorded."""

    task: str
    number: int
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class AttemptProgress:
    """What a running attempt says of itself."""

    task: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Wake:
    """Tells the loop to look around: an operator's event, a signal."""

    reason: str = ""


Message = AttemptReport | AttemptProgress | Wake


class Dispatcher(Protocol):
    """Makes attempts somewhere and reports what becomes of them."""

    def enlist(self, orders: Sequence[AttemptOrder], ended: Sequence[EndedAttempt]) -> Callable[[Any], None] | None:
        """Give what is to be written in the journal's transaction that records these attempts' start and end.

        None where orders go to nobody but this process. What was enlisted is submitted when that transaction is
        durable.
        """
        ...

    def submit(self, order: AttemptOrder) -> None:
        """Take an order; its report will be received."""
        ...

    def adopt(self, task: str, number: int) -> AttemptOrder | None:
        """Take over an attempt that another process ordered and that was begun elsewhere, or will be.

        Its report will be received as if it had been submitted here. None when there is none of that number.
        """
        ...

    def recall(self) -> None:
        """Take back what nobody has begun; it is reported as `unbegun`."""
        ...

    def receive(self, timeout: float) -> Message | None:
        """Give the next message, waiting at most that many seconds (0: not at all); None when there is none."""
        ...

    def wake(self, reason: str = "") -> None:
        """Make a waiting `receive` return; safe in a signal handler."""
        ...

    def settled(self, order: AttemptOrder) -> None:
        """The journal has the order's report: whatever was kept on the target for a reattach may go."""
        ...

    def cancel(self, task: str) -> None:
        """Ask a running attempt to end; its report still comes."""
        ...

    def close(self) -> None:
        """Wait for what runs and give everything back."""
        ...
