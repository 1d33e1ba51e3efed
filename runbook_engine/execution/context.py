"""The hands that one attempt works with: full ones for apply, read-only ones for check."""

import hashlib
import random
from collections.abc import Callable, Sequence

from runbook_engine.execution.capture import Capture
from runbook_engine.execution.lease_term import LeaseTerm
from runbook_engine.execution.read_only import ReadOnlyConnection
from runbook_engine.execution.step_connection import StepConnection
from runbook_engine.model.inventory import Target
from runbook_engine.model.json import JsonObject
from runbook_engine.ports.action import ActionFailedError, CancelledError, DeadlineError, RunFacts
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.connection import Connection, Ready
from runbook_engine.ports.dispatcher import AttemptOrder
from runbook_engine.ports.hands import Hands
from runbook_engine.ports.secrets import Redactor
from runbook_engine.ports.services import AwsClient, HttpClient, Mailer, SqlDatabase

_LEASE_LOOK = 0.2  # seconds


class OneConnection:
    """The target's connection of one attempt: opened when first used, shared by check and apply, closed at the end.

    Attributes:
        environment: of the step's commands, secrets filled in.
    """

    def __init__(self, order: AttemptOrder, hands: Hands, cancelled: CancelSignal, redactor: Redactor) -> None:
        self._cancelled = cancelled
        self._redactor = redactor
        self._made: list[StepConnection] = []
        self.environment = order.environment
        self._order = order
        self._hands = hands
        self._opened: Connection | None = None

    def get(self, ready: Ready | None = None) -> Connection:
        """Give the connection, with the step's environment and become applied.

        Args:
            ready: called right before a detached command is begun.
        """
        if self._opened is None:
            self._opened = self._hands.connection(self._order.target, become_user=self._order.become_user)
        made = StepConnection(
            self._opened,
            self.environment,
            self._order.become_user,
            self._cancelled,
            self._redactor,
            self._order.elsewhere,
            ready,
        )
        self._made.append(made)
        return made

    @property
    def touched(self) -> bool:
        """Whether anything reached the target."""
        return any(made.touched for made in self._made)

    def close(self) -> None:
        """Close it, if it was opened."""
        if self._opened is not None:
            self._opened.close()


class AttemptContext:
    """What an action sees of the world during one attempt (`ports.action.ActionContext`).

    Args:
        probes: when given, the hands are a check's: these are the only commands it may run.
        deadline: monotonic time at which the attempt must be over.
        term: until when the right to advance the run is surely ours.
        rendered: texts that the engine rendered for the order, by the SHA-256 of the template text.
    """

    def __init__(
        self,
        order: AttemptOrder,
        hands: Hands,
        connection: OneConnection,
        clock: Clock,
        *,
        deadline: float,
        cancelled: CancelSignal,
        on_progress: Callable[[str], None],
        capture: Capture,
        rendered: dict[str, str],
        probes: Sequence[tuple[str, ...]] | None,
        term: LeaseTerm,
    ) -> None:
        self._order = order
        self._hands = hands
        self._connection = connection
        self._clock = clock
        self._deadline = deadline
        self._cancelled = cancelled
        self._on_progress = on_progress
        self._capture = capture
        self._rendered = rendered
        self._probes = probes
        self._term = term

    @property
    def run(self) -> RunFacts:
        """The run, step and attempt that this is done for."""
        order = self._order
        return RunFacts(
            id=order.run,
            mode=order.mode,
            runbook=order.runbook,
            step=order.step,
            task=order.task,
            token=order.token,
            operator=order.operator,
        )

    @property
    def target(self) -> Target:
        """The target of this task."""
        return self._order.target

    @property
    def clock(self) -> Clock:
        """Time."""
        return self._clock

    @property
    def connection(self) -> Connection:
        """The target's connection, with the step's environment and become applied."""
        if self._probes is None:
            # Between the look at the lease and the command lie a login and whatever else an action does before it.
            return self._connection.get(self.before_a_change)
        own = self._connection.get()
        return ReadOnlyConnection(own, self._order.action, self._probes)

    @property
    def http(self) -> HttpClient:
        """HTTP from the machine that runs the attempt."""
        return self._hands.http(read_only=self._read_only)

    @property
    def mail(self) -> Mailer:
        """Mail."""
        return self._hands.mail(read_only=self._read_only)

    @property
    def recorded(self) -> JsonObject:
        """Outputs that the task ended with when it was applied."""
        return self._order.recorded

    def aws(
        self,
        service: str,
        *,
        region: str,
        account: str | None = None,
        role: str | None = None,
        endpoint: str | None = None,
    ) -> AwsClient:
        """Give a client for an AWS service."""
        return self._hands.aws(
            service, region=region, account=account, role=role, endpoint=endpoint, read_only=self._read_only
        )

    def sql(self, url: str) -> SqlDatabase:
        """Give a database by its SQLAlchemy URL."""
        return self._hands.sql(url, read_only=self._read_only)

    def project_file(self, path: str) -> bytes:
        """Read a file of the project."""
        return self._hands.project_file(path)

    def render(self, text: str) -> str:
        """Give a template file's text as the engine rendered it when it made the order."""
        found = self._rendered.get(hashlib.sha256(text.encode()).hexdigest())
        if found is None:
            raise ActionFailedError(
                f"{self._order.action}: the template is not the one that the engine rendered for this attempt",
                hint="the file changed while the run was on; run again",
            )
        return found

    def recipients(self, channel: str, *, audience: str | None, literal: Sequence[str]) -> tuple[str, ...]:
        """Give the addresses a message goes to, by channel."""
        return self._hands.recipients(channel, mode=self._order.mode, audience=audience, literal=literal)

    def progress(self, text: str) -> None:
        """Say how far it is."""
        self._on_progress(text)

    def output(self, stream: str, data: bytes) -> None:
        """Keep output beside the events, capped."""
        self._capture.add(stream, data)

    def remaining(self) -> float:
        """Seconds until the step's timeout."""
        return max(0.0, self._deadline - self._clock.monotonic())

    def pause(self, seconds: float) -> None:
        """Wait between two looks, with a tenth of jitter, never past the timeout."""
        self.raise_if_over()
        wait = min(seconds * random.uniform(0.9, 1.1), self.remaining())  # noqa: S311 - jitter is no secret
        self._clock.wait(self._cancelled, wait)
        self.raise_if_over()

    def before_a_change(self) -> None:
        """Come back while the lease is ours; an engine that was frozen waits until it was renewed.

        Raises:
            DeadlineError: the timeout passed; nothing was changed.
            CancelledError: the operator cancelled.
        """
        self.raise_if_over()
        while self._term.is_over(self._clock.monotonic()):
            self.pause(_LEASE_LOOK)
        self.raise_if_over()  # a right that came back may have come back for others' work only

    def raise_if_over(self) -> None:
        """Raise when the operator cancelled or the timeout passed."""
        if self._cancelled.is_set():
            raise CancelledError(f"{self._order.task} was cancelled by the operator")
        if self.remaining() <= 0:
            raise DeadlineError(f"{self._order.task} was not done after {self._order.timeout:g} s")

    @property
    def _read_only(self) -> bool:
        return self._probes is not None
