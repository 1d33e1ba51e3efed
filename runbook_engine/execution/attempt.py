"""One attempt: the only place that strings check and apply together, for live runs, dry runs and resumes alike."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from pydantic import ValidationError

from runbook_engine.execution.capture import Capture
from runbook_engine.execution.check_outputs import check_outputs
from runbook_engine.execution.context import AttemptContext, OneConnection
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import CheckStatus, Finding, Grade, Mode, Outcome, unknown
from runbook_engine.ports.action import (
    Action,
    ActionFailedError,
    Applied,
    Applies,
    CancelledError,
    Catalog,
    DeadlineError,
    Effect,
    Params,
)
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.connection import (
    CommandTimeoutError,
    NoConnectionError,
    ReadOnlyError,
    TargetUnreachableError,
)
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport
from runbook_engine.ports.hands import Hands, SecretResolver
from runbook_engine.ports.secrets import Redactor
from runbook_engine.ports.services import ServiceUnreachableError

_FIRST_LOOK = 0.2
_LONGEST_LOOK = 5.0


@dataclass(frozen=True, slots=True)
class AttemptTools:
    """What attempts are made with.

    Attributes:
        output_limit: greatest number of bytes kept of each stream.
    """

    catalog: Catalog
    hands: Hands
    secrets: SecretResolver
    redactor: Redactor
    clock: Clock
    output_limit: int = 1024 * 1024


@dataclass(slots=True)
class _Progress:
    """How far an attempt came, so that a failure can say what is known of its effect."""

    applying: bool = False
    finding: Finding | None = None
    applied: Applied | None = None


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
    started = tools.clock.monotonic()
    capture = Capture(tools.output_limit, tools.redactor)
    progress = _Progress()
    connection = OneConnection(order, tools.hands, cancelled, tools.redactor)
    try:
        report = _attempt(order, tools, connection, cancelled, on_progress, capture, progress)
    except RunbookError as error:
        sent = connection.touched or not isinstance(error, NoConnectionError)
        report = _failed(order, tools, progress, error, sent=sent)
    except BaseException as error:  # noqa: BLE001 - a plugin's defect, be it sys.exit(), fails its task and no more
        text = f"action {order.action} has a defect: {type(error).__name__}: {error}"
        report = _report(order, Outcome.FAILED, progress, error=text, in_doubt=progress.applying)
    try:
        connection.close()
    except RunbookError as error:
        on_progress(f"closing the connection: {error.message}")
    output = {} if order.sensitive else {name: tools.redactor.data(data) for name, data in capture.streams().items()}
    seconds = tools.clock.monotonic() - started
    if tools.redactor.idle and not order.sensitive:
        return replace(report, seconds=seconds, output=output)
    return replace(_redacted(report, tools.redactor, sensitive=order.sensitive), seconds=seconds, output=output)


def _attempt(
    order: AttemptOrder,
    tools: AttemptTools,
    connection: OneConnection,
    cancelled: CancelSignal,
    on_progress: Callable[[str], None],
    capture: Capture,
    progress: _Progress,
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
        )

    reading = context(tuple(action.probe_commands(params)))
    finding = progress.finding = _check(action, params, reading)
    applies = hasattr(action, "apply")
    if finding.satisfied:
        check_outputs(action, finding.outputs)
        return _report(order, Outcome.UNCHANGED, progress, grade=Grade.PROVEN, note=_found_so(order, applies=applies))
    if order.mode is Mode.DRY_RUN:
        return _predicted(order, progress, applies=applies)
    if not applies:
        return _report(order, Outcome.FAILED, progress, error=finding.summary or "the check is not satisfied")
    if order.settle and finding.status is CheckStatus.UNKNOWN and action.effect is not Effect.TOKEN:
        text = "interrupted before its end was recorded, and a check can't tell whether it took effect"
        return _report(order, Outcome.FAILED, progress, error=text, in_doubt=True, needs_person=True)
    return _apply(order, action, params, context(None), reading, progress)


def _apply(
    order: AttemptOrder,
    action: Action[Params],
    params: Params,
    acting: AttemptContext,
    reading: AttemptContext,
    progress: _Progress,
) -> AttemptReport:
    """Apply, then look until the check is satisfied or the effect had its time to show."""
    acting.raise_if_over()
    progress.applying = True
    try:
        progress.applied = _as_applied(action, cast("Applies", action).apply(params, acting))
    except ServiceUnreachableError:
        # The reply was lost; the service may have done what was asked. The check is the only witness.
        if action.effect is Effect.ONCE or not _check(action, params, reading).satisfied:
            raise
        progress.applied = Applied(summary="the reply was lost, the check found it done")
    finding = progress.finding = _check_until(action, params, reading)
    if finding.status is CheckStatus.UNSATISFIED:
        text = f"applied, but the check still says: {finding.summary or 'not satisfied'}"
        return _report(order, Outcome.FAILED, progress, error=text)
    check_outputs(action, {**progress.applied.outputs, **finding.outputs})
    outcome = Outcome.CHANGED if progress.applied.changed else Outcome.UNCHANGED
    if finding.status is CheckStatus.UNKNOWN and progress.applied.summary:
        # The check can't tell before and not after either: what it would do is no longer of interest.
        progress.finding = finding.model_copy(update={"summary": "", "changes": ()})
    return _report(order, outcome, progress, note=progress.applied.summary)


def _check_until(action: Action[Params], params: Params, reading: AttemptContext) -> Finding:
    """Check; where the action says that its effect takes a while to show, look again for that long."""
    patience = reading.remaining() if action.eventual else 0.0
    end = reading.clock.monotonic() + patience
    wait = _FIRST_LOOK
    while True:
        finding = _check(action, params, reading)
        if finding.status is not CheckStatus.UNSATISFIED or reading.clock.monotonic() >= end:
            return finding
        try:
            reading.pause(wait)
        except DeadlineError:
            return finding
        wait = min(wait * 2, _LONGEST_LOOK)


def _check(action: Action[Params], params: Params, reading: AttemptContext) -> Finding:
    reading.raise_if_over()
    finding: object = action.check(params, reading)
    if not isinstance(finding, Finding):
        raise RunbookError(f"the check of {action.name} gave a {type(finding).__name__} in place of a Finding")
    return finding


def _predicted(order: AttemptOrder, progress: _Progress, *, applies: bool) -> AttemptReport:
    """Say what a dry run knows when the check is not satisfied."""
    finding = progress.finding
    summary = finding.summary if finding else ""
    if finding is None or finding.status is CheckStatus.UNKNOWN:
        return _report(order, Outcome.UNPROVEN, progress, grade=Grade.UNPROVEN)
    if applies:
        return _report(order, Outcome.WOULD_CHANGE, progress, grade=Grade.SIMULATED)
    if order.taints:
        note = "not satisfied now, and what it needs was not really done"
        return _report(order, Outcome.UNPROVEN, progress, grade=Grade.UNPROVEN, note=note)
    error = summary or "the check is not satisfied"
    return _report(order, Outcome.FAILED, progress, grade=Grade.UNPROVEN, error=error)


def _failed(
    order: AttemptOrder, tools: AttemptTools, progress: _Progress, error: RunbookError, *, sent: bool
) -> AttemptReport:
    """Turn an error into an outcome; after an apply began to send, only a proven end is called an end."""
    lost = isinstance(error, TargetUnreachableError | ServiceUnreachableError)
    unproven = lost or isinstance(error, DeadlineError | CancelledError)
    if isinstance(error, CommandTimeoutError):
        unproven = not error.killed
    outcome = Outcome.UNREACHABLE if isinstance(error, TargetUnreachableError) else Outcome.FAILED
    text = error.message if not error.hint else f"{error.message} ({error.hint})"
    if isinstance(error, ReadOnlyError):
        text = f"{_origin(order, tools)}: {text}"
    doubt = progress.applying and unproven and sent
    action = tools.catalog.get(order.action)
    once = action is not None and action.effect is Effect.ONCE
    if order.mode is Mode.DRY_RUN and order.taints and isinstance(error, ActionFailedError):
        # What the check looked for would have been made by a step that a dry run does not do.
        note = f"can't be checked now ({text}); what it needs was not really done"
        progress.finding = progress.finding or unknown()
        return _report(order, Outcome.UNPROVEN, progress, grade=Grade.UNPROVEN, note=note)
    report = _report(order, outcome, progress, error=text, in_doubt=doubt, needs_person=doubt and once)
    done: JsonObject = getattr(error, "outputs", {})
    return replace(report, outputs={**order.recorded, **done}) if done or order.recorded else report


def _report(
    order: AttemptOrder,
    outcome: Outcome,
    progress: _Progress,
    *,
    error: str = "",
    in_doubt: bool = False,
    needs_person: bool = False,
    grade: Grade | None = None,
    note: str = "",
) -> AttemptReport:
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


def _read_params(action: Action[Params], value: object) -> Params:
    try:
        return action.Params.model_validate(value)
    except ValidationError as error:
        # Values are left out on purpose: a parameter may be a secret.
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'parameters'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_context=False, include_url=False)
        )
        raise RunbookError(f"the parameters of {action.name} are not valid: {problems}") from None


def _found_so(order: AttemptOrder, *, applies: bool) -> str:
    return "found done after an interruption" if order.settle and applies else ""


def _origin(order: AttemptOrder, tools: AttemptTools) -> str:
    origin = tools.catalog.entry(order.action).origin
    return order.action if origin == "runbook-engine" else f"plugin {origin}"


def _as_applied(action: Action[Params], value: object) -> Applied:
    """Take what an apply gave; nothing at all is the plainest way to say that it was done."""
    if value is None:
        return Applied()
    if not isinstance(value, Applied):
        raise RunbookError(f"the apply of {action.name} gave a {type(value).__name__} in place of an Applied")
    return value


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
    return replace(report, finding=finding, outputs={} if sensitive else outputs, error=error)
