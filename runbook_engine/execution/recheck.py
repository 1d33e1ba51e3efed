"""Looks again at what ended well in an earlier part of the run, before anything that stands on it goes on."""

from collections import deque
from collections.abc import Mapping

from runbook_engine.execution.done_before import done_before
from runbook_engine.execution.loop_tools import RunOptions, RunTools
from runbook_engine.execution.messages import Messages
from runbook_engine.execution.orders import Invalid, Ordered, Skip
from runbook_engine.execution.recheck_choice import choose, stood_on
from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.state import RunState
from runbook_engine.model.event import (
    DriftFound,
    HoldOpened,
    RecheckFailed,
    RecheckFinished,
    RecheckSkipped,
    RecheckStarted,
    TaskResolved,
)
from runbook_engine.model.outcome import Mode, Outcome, unsatisfied
from runbook_engine.model.plan import Plan
from runbook_engine.ports.action import Effect
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptProgress, AttemptReport

LONGEST_LOOK = 30.0  # seconds; a step's timeout is for its work, and a look must not hold a resume up for long
_PATIENCE = 0.25


def recheck(
    plan: Plan, state: RunState, tools: RunTools, options: RunOptions, recorder: Recorder, messages: Messages
) -> Mapping[int, Outcome]:
    """Look, and write down what was found; drifted tasks that the rest stands on are held for a person.

    Nothing is done about drift: it may be somebody's repair. Dry runs did nothing that could drift, and a run that is
    to end stands on nothing any more. Messages that are owed go out meanwhile.

    Returns:
        What need not be done again, as `done_before` tells it after the look.

    Raises:
        JournalError: the journal can't be written, and that did not pass.
        LeaseError: another process took the run over.
    """
    done = done_before(plan, state)
    if not done or options.mode is Mode.DRY_RUN or state.ends is not None:
        return done
    choice = choose(plan, state, done.keys(), tools.catalog)
    if not choice.tasks and not choice.left_out:
        return done
    if options.no_recheck:
        recorder.add(RecheckSkipped(reason=options.no_recheck))
        recorder.flush()
        return done
    names = tuple(plan.tasks[index].id for index in choice.tasks)
    recorder.add(RecheckStarted(tasks=names, left_out=dict(choice.left_out)))
    recorder.flush()
    looks = _Looks(plan, state, tools, options, recorder, messages)
    reports = looks.make(deque(choice.tasks))
    told = {index for index, report in reports.items() if report.outcome in {Outcome.UNCHANGED, Outcome.WOULD_CHANGE}}
    needed = set(stood_on(plan, done, told))
    for index in choice.tasks:
        if index in reports:
            _write(plan, state, recorder, index, reports[index], needed=index in needed)
    outcomes = [report.outcome for report in reports.values()]
    recorder.add(
        RecheckFinished(
            as_it_was=outcomes.count(Outcome.UNCHANGED),
            drifted=outcomes.count(Outcome.WOULD_CHANGE),
            cannot_tell=outcomes.count(Outcome.UNPROVEN),
            failed=outcomes.count(Outcome.FAILED) + outcomes.count(Outcome.UNREACHABLE),
            interrupted=len(reports) < len(choice.tasks),
        )
    )
    recorder.flush()
    return done_before(plan, state)  # (people may have spoken meanwhile, too)


def settle_by_looking(
    plan: Plan, state: RunState, tools: RunTools, options: RunOptions, recorder: Recorder, messages: Messages
) -> None:
    """Find out, without doing anything, what became of attempts in doubt, where the check is what tells.

    What a detached command, a service or nobody but a person could tell stays in doubt: to ask the first two again
    could begin what is to be taken back.
    """
    doubtful = [name for name, task in state.tasks.items() if task.unproven_end and name in plan.task_index]
    settled = deque(index for name in doubtful if _is_told_by_check(plan, index := plan.task_index[name], tools))
    if not settled or tools.interrupts.count:
        return
    recorder.add(RecheckStarted(tasks=tuple(plan.tasks[index].id for index in settled)))
    recorder.flush()
    for report in _Looks(plan, state, tools, options, recorder, messages).make(settled).values():
        number = state.task(report.task).attempts
        if report.outcome is Outcome.UNCHANGED:
            text = "looked before the run is taken back: it is there"
            recorder.add(TaskResolved(task=report.task, number=number, truth="done", reason=text))
        elif report.outcome is Outcome.WOULD_CHANGE:
            text = "looked before the run is taken back: it is not there"
            recorder.add(TaskResolved(task=report.task, number=number, truth="retry", reason=text))


def _is_told_by_check(plan: Plan, index: int, tools: RunTools) -> bool:
    call = plan.steps[plan.tasks[index].step].step.action
    action = tools.catalog.get(call.name) if call is not None else None
    return action is not None and action.effect is Effect.CHECK


def _write(plan: Plan, state: RunState, recorder: Recorder, index: int, report: AttemptReport, *, needed: bool) -> None:
    """Write down what is not as it was."""
    if report.outcome in {Outcome.FAILED, Outcome.UNREACHABLE}:
        recorder.add(RecheckFailed(task=report.task, reason=report.error))
    if report.outcome is not Outcome.WOULD_CHANGE:
        return
    ended = state.task(report.task).outcome or Outcome.CHANGED
    finding = report.finding or unsatisfied()
    recorder.add(DriftFound(task=report.task, outcome=ended, finding=finding, needed=needed))
    if needed:
        reason = f"not as the run left it: {finding.summary}" if finding.summary else "not as the run left it"
        recorder.add(HoldOpened(task=plan.tasks[index].id, reason=reason, outcome=ended))


class _Looks:
    """Makes the looks, as many at once as the run may make attempts."""

    def __init__(
        self,
        plan: Plan,
        state: RunState,
        tools: RunTools,
        options: RunOptions,
        recorder: Recorder,
        messages: Messages,
    ) -> None:
        self._plan = plan
        self._state = state
        self._tools = tools
        self._options = options
        self._recorder = recorder
        self._messages = messages
        self._running: set[str] = set()
        self._reports: dict[int, AttemptReport] = {}

    def make(self, todo: deque[int]) -> dict[int, AttemptReport]:
        """Give what each look found; those that the operator broke off are left out."""
        while todo or self._running:
            if self._tools.interrupts.count:
                todo.clear()
                for task in self._running:
                    self._tools.dispatcher.cancel(task)
            while todo and len(self._running) < self._options.forks:
                self._begin(todo.popleft())
            message = self._tools.dispatcher.receive(_PATIENCE) if self._running else None
            if isinstance(message, AttemptReport) and not self._messages.take(message):
                self._take(message)
            elif isinstance(message, AttemptProgress):
                self._tools.listener.progress(message)
            self._messages.turn()
            self._recorder.flush()  # keeps the lease
            self._messages.submit()
        return self._reports

    def _begin(self, index: int) -> None:
        task = self._plan.tasks[index]
        number = self._state.task(task.id).attempts
        match self._tools.orders.prepare(task, number=number, taints=False):
            case Ordered(order, _):
                self._running.add(task.id)
                self._tools.dispatcher.submit(_as_look(order))
            case Invalid(error):
                self._reports[index] = AttemptReport(task.id, number, Outcome.FAILED, error=error)
            case Skip(reason):
                self._reports[index] = AttemptReport(task.id, number, Outcome.UNPROVEN, error=reason)
            case _:
                # Gates were not chosen, and nothing is unknown of what was really done.
                self._reports[index] = AttemptReport(task.id, number, Outcome.UNPROVEN)

    def _take(self, report: AttemptReport) -> None:
        self._running.discard(report.task)
        broken_off = self._tools.interrupts.count and not report.outcome.ended_well
        if not broken_off:
            self._reports[self._plan.task_index[report.task]] = report


def _as_look(order: AttemptOrder) -> AttemptOrder:
    return order._replace(look=True, settle=False, timeout=min(order.timeout, LONGEST_LOOK))
