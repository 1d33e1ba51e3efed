"""The parts that every kind of attempt is made of: its tools, how far it came, one look, looking until, the report."""

from collections.abc import Callable
from dataclasses import dataclass, field

from runbook_engine.execution.context import AttemptContext
from runbook_engine.execution.lease_term import LeaseTerm
from runbook_engine.execution.live_board import LiveBoard
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import CheckStatus, Finding, Grade, Mode, Outcome
from runbook_engine.ports.action import Action, Applied, DeadlineError, Params
from runbook_engine.ports.catalog import Catalog
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport
from runbook_engine.ports.hands import Hands, SecretResolver
from runbook_engine.ports.secrets import Redactor

_FIRST_LOOK = 0.2
_LONGEST_LOOK = 5.0


@dataclass(frozen=True, slots=True)
class AttemptTools:
    """What attempts are made with.

    Attributes:
        output_limit: greatest number of bytes kept of each stream.
        term: until when the right to advance the run is surely ours; nothing is changed beyond that.
        board: shows what attempts put out while they run; None where nobody watches.
    """

    catalog: Catalog
    hands: Hands
    secrets: SecretResolver
    redactor: Redactor
    clock: Clock
    output_limit: int = 1024 * 1024
    term: LeaseTerm = field(default_factory=LeaseTerm)
    board: LiveBoard | None = None


@dataclass(slots=True)
class Progress:
    """How far an attempt came, so that a failure can say what is known of its effect."""

    applying: bool = False
    finding: Finding | None = None
    applied: Applied | None = None


def check_until(
    action: Action[Params],
    params: Params,
    reading: AttemptContext,
    wanted: Callable[[Finding], bool] = lambda finding: finding.status is not CheckStatus.UNSATISFIED,
) -> Finding:
    """Check; where the action says that its effect takes a while to show, look again for that long."""
    patience = reading.remaining() if action.eventual else 0.0
    end = reading.clock.monotonic() + patience
    wait = _FIRST_LOOK
    while True:
        finding = check(action, params, reading)
        if wanted(finding) or reading.clock.monotonic() >= end:
            return finding
        try:
            reading.pause(wait)
        except DeadlineError:
            return finding
        wait = min(wait * 2, _LONGEST_LOOK)


def check(action: Action[Params], params: Params, reading: AttemptContext) -> Finding:
    """Look once.

    Raises:
        RunbookError: the attempt's time is over, or the action does not give a finding.
    """
    reading.raise_if_over()
    finding: object = action.check(params, reading)
    if not isinstance(finding, Finding):
        raise RunbookError(f"the check of {action.name} gave a {type(finding).__name__} in place of a Finding")
    return finding


def make_report(
    order: AttemptOrder,
    outcome: Outcome,
    progress: Progress,
    *,
    error: str = "",
    in_doubt: bool = False,
    needs_person: bool = False,
    grade: Grade | None = None,
    note: str = "",
) -> AttemptReport:
    """Say how the attempt ended, with what is known of it; `note` goes before what the check said."""
    finding = progress.finding
    outputs: JsonObject = {}
    if finding is not None:
        outputs = {**(progress.applied.outputs if progress.applied else {}), **finding.outputs}
        if note:
            finding = finding.model_copy(update={"summary": f"{note}; {finding.summary}" if finding.summary else note})
    return AttemptReport(
        task=order.task,
        number=order.number,
        outcome=outcome,
        finding=finding,
        outputs=outputs,
        grade=grade if order.mode is Mode.DRY_RUN else None,
        error=error,
        in_doubt=in_doubt,
        needs_person=needs_person,
        recovery_point=finding.recovery_point if finding and outcome.ended_well else None,
    )


def as_applied(action: Action[Params], value: object) -> Applied:
    """Take what an apply gave; nothing at all is the plainest way to say that it was done."""
    if value is None:
        return Applied()
    if not isinstance(value, Applied):
        raise RunbookError(f"the apply of {action.name} gave a {type(value).__name__} in place of an Applied")
    return value
