"""One attempt: the only place that strings check and apply together, for live runs, dry runs and resumes alike."""

from collections.abc import Callable
from typing import cast

from pydantic import ValidationError

from runbook_engine.execution.attempt_failed import ProvenUndoneError, is_unsettled, report_of_failure
from runbook_engine.execution.attempt_parts import AttemptTools, Progress, as_applied, check, check_until, make_report
from runbook_engine.execution.capture import Capture
from runbook_engine.execution.check_outputs import check_outputs
from runbook_engine.execution.context import AttemptContext, OneConnection
from runbook_engine.execution.look import looked
from runbook_engine.execution.parameters import not_valid
from runbook_engine.execution.undo import undo
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import CheckStatus, Finding, Grade, Mode, Outcome
from runbook_engine.ports.action import (
    Action,
    Applied,
    Applies,
    Effect,
    Params,
)
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.connection import (
    CommandLostError,
    DetachedStatus,
)
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport
from runbook_engine.ports.secrets import Redactor
from runbook_engine.ports.services import ServiceUnreachableError


def attempt(
    order: AttemptOrder,
    tools: AttemptTools,
    *,
    cancelled: CancelSignal,
    on_progress: Callable[[str], None],
) -> AttemptReport:
    """Make an attempt and say how it ended; never raises.

    | | live, drill | dry run | settling an attempt in doubt |
    |---|---|---|---|
    | check satisfied | `unchanged` | `unchanged`, proven | done, found so |
    | not satisfied | apply, check again | `would-change`, simulated | apply again with the same token |
    | cannot tell | apply | `unproven` | reattach when the effect is `token`, else in doubt |
    """
    if order.settle and (seconds := tools.term.shared(tools.clock.monotonic())):
        # Who wakes within that time may begin the same command; when it ended here, and its folder is gone, once more.
        on_progress(f"waits {seconds:.0f} s: the process that it was taken over from may be frozen, and wake")
        tools.clock.wait(cancelled, seconds)
    started = tools.clock.monotonic()
    capture, on_progress = _shown(order, tools, on_progress)
    progress = Progress()
    connection = OneConnection(order, tools.hands, cancelled, tools.redactor)
    try:
        report = _attempt(order, tools, connection, cancelled, on_progress, capture, progress)
    except RunbookError as error:
        report = report_of_failure(order, tools, progress, error, touched=connection.touched)
    except BaseException as error:  # noqa: BLE001 - a plugin's defect, be it sys.exit(), fails its task and no more
        text = f"action {order.action} has a defect: {type(error).__name__}: {error}"
        doubt = progress.applying or is_unsettled(order, tools, progress, learned=False)
        report = make_report(order, Outcome.FAILED, progress, error=text, in_doubt=doubt)
    if report.outcome in {Outcome.FAILED, Outcome.UNREACHABLE}:
        # What earlier attempts got done stays known, although this one only looked and could not tell.
        report = report._replace(outputs={**order.recorded, **report.outputs})
    try:
        connection.close()
    except RunbookError as error:
        on_progress(f"closing the connection: {error.message}")
    if tools.board is not None:
        tools.board.end(order, capture)
    output = {} if order.sensitive else {name: tools.redactor.data(data) for name, data in capture.streams().items()}
    seconds = tools.clock.monotonic() - started
    if tools.redactor.idle and not order.sensitive:
        return report._replace(seconds=seconds, output=output)
    return _redacted(report, tools.redactor, sensitive=order.sensitive)._replace(seconds=seconds, output=output)


def _shown(
    order: AttemptOrder, tools: AttemptTools, on_progress: Callable[[str], None]
) -> tuple[Capture, Callable[[str], None]]:
    """Give what takes the attempt's output, and what it says of itself; both are shown while it runs."""
    board, redactor = tools.board, tools.redactor
    if board is None or order.sensitive or order.look:
        return Capture(tools.output_limit, redactor), lambda text: on_progress(redactor.text(text))
    capture = Capture(tools.output_limit, redactor, lambda: board.begin(order, capture, on_progress))

    def say(text: str) -> None:
        clean = redactor.text(text)
        board.said(order, capture, clean)
        on_progress(clean)

    return capture, say


def _attempt(
    order: AttemptOrder,
    tools: AttemptTools,
    connection: OneConnection,
    cancelled: CancelSignal,
    on_progress: Callable[[str], None],
    capture: Capture,
    progress: Progress,
) -> AttemptReport:
    action = tools.catalog.get(order.action)
    if action is None:
        raise RunbookError(f"there is no action {order.action} here", hint="is its plugin installed on this machine?")
    params = _read_params(action, tools.secrets.fill(order.parameters, order.secrets))
    connection.environment = cast("dict[str, str]", tools.secrets.fill(order.environment, order.secrets))
    deadline = tools.clock.monotonic() + order.timeout
    rendered = cast("dict[str, str]", tools.secrets.fill(order.rendered, order.secrets))

    def context(probes: tuple[tuple[str, ...], ...] | None) -> AttemptContext:
        return AttemptContext(
            order,
            tools.hands,
            connection,
            tools.clock,
            deadline=deadline,
            cancelled=cancelled,
            on_progress=on_progress,
            capture=capture,
            rendered=rendered,
            probes=probes,
            term=tools.term,
        )

    reading = context(tuple(action.probe_commands(params)))
    finding = progress.finding = check(action, params, reading)
    if order.look or order.undo:
        return looked(order, progress) if order.look else undo(order, action, params, context(None), reading, progress)
    applies = hasattr(action, "apply")
    if finding.satisfied:
        check_outputs(action, finding.outputs)
        return make_report(
            order, Outcome.UNCHANGED, progress, grade=Grade.PROVEN, note=_found_so(order, applies=applies)
        )
    if order.mode is Mode.DRY_RUN:
        return _predicted(order, progress, applies=applies)
    if not applies:
        return make_report(order, Outcome.FAILED, progress, error=finding.summary or "the check is not satisfied")
    if order.settle and finding.status is CheckStatus.UNKNOWN and action.effect is not Effect.TOKEN:
        text = "interrupted before its end was recorded, and a check can't tell whether it took effect"
        return make_report(order, Outcome.FAILED, progress, error=text, in_doubt=True, needs_person=True)
    if order.only_settle and not order.elsewhere:
        _see_that_it_began(order, connection)
    return _apply(order, action, params, context(None), reading, progress)


def _see_that_it_began(order: AttemptOrder, connection: OneConnection) -> None:
    """Come back when the earlier attempt's command is on its target, so that to reattach starts nothing."""
    if connection.get().probe_detached(order.token).status is DetachedStatus.ABSENT:
        raise RunbookError(
            "it never began on its target, and is not begun before what it needs", hint="it has its turn afterwards"
        )


def _apply(
    order: AttemptOrder,
    action: Action[Params],
    params: Params,
    acting: AttemptContext,
    reading: AttemptContext,
    progress: Progress,
) -> AttemptReport:
    """Apply, then look until the check is satisfied or the effect had its time to show."""
    acting.before_a_change()
    progress.applying = True
    try:
        progress.applied = as_applied(action, cast("Applies", action).apply(params, acting))
    except ServiceUnreachableError as lost:
        # The reply was lost; the service may have done what was asked. The check is the only witness.
        if action.effect is Effect.ONCE or not _look_after(lost, action, params, reading).satisfied:
            raise
        progress.applied = Applied(summary="the reply was lost, the check found it done")
    except CommandLostError as lost:
        _look_for_lost(action, params, reading, lost)
        progress.applied = Applied(summary="how it ended was lost, the check found it done")
    finding = progress.finding = check_until(action, params, reading)
    if finding.status is CheckStatus.UNSATISFIED:
        text = f"applied, but the check still says: {finding.summary or 'not satisfied'}"
        return make_report(order, Outcome.FAILED, progress, error=text)
    check_outputs(action, {**progress.applied.outputs, **finding.outputs})
    outcome = Outcome.CHANGED if progress.applied.changed else Outcome.UNCHANGED
    if finding.status is CheckStatus.UNKNOWN and progress.applied.summary:
        # The check can't tell before and not after either: what it would do is no longer of interest.
        progress.finding = finding.model_copy(update={"summary": "", "changes": ()})
    return make_report(order, outcome, progress, note=progress.applied.summary)


def _look_for_lost(action: Action[Params], params: Params, reading: AttemptContext, lost: CommandLostError) -> None:
    """Come back when the check finds done what the lost command was to do.

    Raises:
        ProvenUndoneError: the command is proven to be dead, and the check says that its work is not done.
        CommandLostError: only a person can tell.
    """
    finding = check(action, params, reading)
    if finding.status is CheckStatus.UNSATISFIED and lost.dead:
        raise ProvenUndoneError(f"{lost.message}, and the check says: {finding.summary or 'not satisfied'}") from lost
    if not finding.satisfied:
        raise lost


def _look_after(lost: RunbookError, action: Action[Params], params: Params, reading: AttemptContext) -> Finding:
    """Look whether what a lost reply was about is done; if that can't be had, the loss is all that is known."""
    try:
        return check(action, params, reading)
    except RunbookError as error:
        raise lost from error


def _predicted(order: AttemptOrder, progress: Progress, *, applies: bool) -> AttemptReport:
    """Say what a dry run knows when the check is not satisfied."""
    finding = progress.finding
    summary = finding.summary if finding else ""
    if finding is None or finding.status is CheckStatus.UNKNOWN:
        return make_report(order, Outcome.UNPROVEN, progress, grade=Grade.UNPROVEN)
    if applies:
        return make_report(order, Outcome.WOULD_CHANGE, progress, grade=Grade.SIMULATED)
    if order.taints:
        note = "not satisfied now, and what it needs was not really done"
        return make_report(order, Outcome.UNPROVEN, progress, grade=Grade.UNPROVEN, note=note)
    error = summary or "the check is not satisfied"
    return make_report(order, Outcome.FAILED, progress, grade=Grade.UNPROVEN, error=error)


def _read_params(action: Action[Params], value: object) -> Params:
    try:
        return action.Params.model_validate(value)
    except ValidationError as error:
        # Values are left out on purpose: a parameter may be a secret.
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'parameters'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_context=False, include_url=False)
        )
        raise RunbookError(f"{not_valid(action.name)}: {problems}") from None


def _found_so(order: AttemptOrder, *, applies: bool) -> str:
    return "found done after an interruption" if order.settle and applies else ""


def _redacted(report: AttemptReport, redactor: Redactor, *, sensitive: bool) -> AttemptReport:
    """Take every secret out of what will be written down; a sensitive step keeps its outcome only."""
    finding = report.finding
    if finding is not None:
        data = finding.model_dump(mode="json")
        if sensitive:
            data |= {"changes": [], "outputs": {}, "evidence": {}, "summary": "[sensitive]" if data["summary"] else ""}
        finding = Finding.model_validate(redactor.json(data))
    outputs = cast("JsonObject", redactor.json(dict(report.outputs)))
    error = redactor.text(report.error)
    if sensitive and error:
        error = "failed; the step is sensitive, so what was said is not recorded"
    return report._replace(finding=finding, outputs={} if sensitive else outputs, error=error)
