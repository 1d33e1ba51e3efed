"""Attempts that touch nothing: each comes to what the case gives, on a clock that moves when somebody waits."""

import heapq
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from pydantic import ValidationError

from runbook_engine.model.case import Case, Given
from runbook_engine.model.json import JsonObject
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Change, Grade, Mode, Outcome, satisfied, unsatisfied
from runbook_engine.ports.catalog import Catalog
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport, EndedAttempt, Message
from runbook_engine.testing.clock import ManualClock

_TAKES = timedelta(seconds=1)
_AS_USUAL = Given()


class ScriptedDispatcher:
    """A dispatcher whose attempts end at their time, in that order, as a case gives it."""

    def __init__(self, case: Case, catalog: Catalog, clock: ManualClock) -> None:
        self._case = case
        self._catalog = catalog
        self._clock = clock
        self._due: list[tuple[float, int, AttemptReport]] = []
        self._count = 0
        self._made: Counter[str] = Counter()

    def enlist(self, orders: Sequence[AttemptOrder], ended: Sequence[EndedAttempt]) -> None:
        """Orders go to nobody else."""

    def adopt(self, task: str, number: int) -> None:
        """Nothing was begun elsewhere."""

    def recall(self) -> None:
        """Everything has begun that was ordered."""

    def submit(self, order: AttemptOrder) -> None:
        """Make up what the attempt comes to."""
        given = self._given(order)
        self._made[order.task] += 1
        takes = (given.takes or _TAKES).total_seconds()
        if takes > order.timeout:
            # As the engine would: the attempt is cancelled, and counts as failed.
            takes = order.timeout
            given = given.model_copy(update={"fails": f"not done within {takes:g} s, the step's timeout"})
        self._count += 1
        heapq.heappush(self._due, (self._clock.monotonic() + takes, self._count, self._report(order, given, takes)))

    def receive(self, timeout: float) -> Message | None:
        """Give what ends next, if that is within the time; time moves on to it."""
        now = self._clock.monotonic()
        if self._due and self._due[0][0] <= now + timeout:
            due, _, report = heapq.heappop(self._due)
            self._clock.advance(max(due - now, 0.0))
            return report
        self._clock.advance(timeout)
        return None

    def settled(self, order: AttemptOrder) -> None:
        """Nothing is left anywhere."""

    def wake(self, reason: str = "") -> None:
        """Nobody sleeps here."""

    def cancel(self, task: str) -> None:
        """End what runs, now."""
        now = self._clock.monotonic()
        ended = [
            (now, count, report) if report.task == task else (due, count, report) for due, count, report in self._due
        ]
        self._due = ended
        heapq.heapify(self._due)

    def close(self) -> None:
        """Nothing to give back."""

    def _given(self, order: AttemptOrder) -> Given:
        given = self._case.given.get(order.task) or self._case.given.get(step_of(order.task)) or _AS_USUAL
        return given if given.times is None or self._made[order.task] < given.times else _AS_USUAL

    def _report(self, order: AttemptOrder, given: Given, takes: float) -> AttemptReport:
        task, number = order.task, order.number
        if given.fails or given.unreachable:
            outcome = Outcome.FAILED if given.fails else Outcome.UNREACHABLE
            return AttemptReport(task, number, outcome, seconds=takes, error=given.fails or given.unreachable)
        changes = not given.unchanged and hasattr(self._catalog.get(order.action), "apply")
        if order.mode is Mode.DRY_RUN and changes:
            finding = unsatisfied("as the case gives it", changes=(Change(what="as the case gives it"),))
            return AttemptReport(task, number, Outcome.WOULD_CHANGE, finding, grade=Grade.SIMULATED, seconds=takes)
        outcome = Outcome.CHANGED if changes else Outcome.UNCHANGED
        outputs = {**self._defaults(order.action), **given.outputs}
        grade = Grade.PROVEN if order.mode is Mode.DRY_RUN else None
        return AttemptReport(task, number, outcome, satisfied(), outputs=outputs, grade=grade, seconds=takes)

    def _defaults(self, name: str) -> JsonObject:
        """Give the outputs that an action has by its own word; those without a default the case has to give."""
        action = self._catalog.get(name)
        try:
            return action.Outputs().model_dump(mode="json", by_alias=True) if action else {}
        except ValidationError:
            return {}
