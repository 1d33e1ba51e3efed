"""Plays one case: the real plan, the real loop, a journal in memory, people who answer, and no target."""

from collections.abc import Iterator, Sequence

from runbook_engine.app.cases.scripted import ScriptedDispatcher
from runbook_engine.app.prepare import PreparedPlan
from runbook_engine.app.project import OpenProject
from runbook_engine.app.project_file import read_project_file
from runbook_engine.app.run_record import summaries
from runbook_engine.execution.loop_tools import Interrupts, RunOptions, RunTools
from runbook_engine.execution.orders import OrderMaker, RunNames
from runbook_engine.execution.run_plan import run_plan
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.case import Answer, Case
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.event import (
    Actor,
    Event,
    GateApproved,
    GateDeclined,
    GateOpened,
    HoldResolved,
    LeaseTaken,
    ManualAnswered,
    RunAbortRequested,
    RunOpened,
    StoredEvent,
)
from runbook_engine.model.names import step_of
from runbook_engine.ports.dispatcher import AttemptProgress
from runbook_engine.ports.journal import Holder
from runbook_engine.testing.clock import ManualClock

RUN = "case"
_ENGINE = Actor(kind="engine", name="engine")
_HOLDER = Holder(host="case", boot="case", pid=1, started=1)
_LEASE = 15.0
_MOST_PARTS = 100
_GATE: frozenset[Answer] = frozenset({"approve", "decline"})
_BY_HAND: frozenset[Answer] = frozenset({"pass", "fail"})
_HELD: frozenset[Answer] = frozenset({"retry", "skip", "ignore", "abort"})


class Played:
    """What came of a case.

    Attributes:
        waiting: tasks that wait for a person whom the case does not let answer.
        warnings: what the engine would have said besides.
    """

    def __init__(self, events: Sequence[StoredEvent], waiting: Sequence[str]) -> None:
        self.events = events
        self.state = RunState(RUN, events)
        self.waiting = tuple(waiting)

    @property
    def status(self) -> str:
        """How the run ended."""
        return str(self.state.closed.status) if self.state.closed else "waiting"


class _Nobody:
    """A listener for whom nobody listens."""

    def event(self, stored: StoredEvent) -> None:
        """The journal has it."""

    def warning(self, text: str) -> None:
        """Nothing of a case is anybody's concern."""

    def progress(self, progress: AttemptProgress) -> None:
        """Nothing is seen in the middle of it."""


def play(project: OpenProject, prepared: PreparedPlan, case: Case) -> Played:
    """Run a case to where it ends, or waits for somebody whom it gives no answer for.

    Raises:
        InvalidInputError: an answer fits nothing that asks for it.
    """
    plan, clock = prepared.plan, ManualClock()
    journal = MemoryJournal(clock, dead=lambda _: True)
    opened = RunOpened(
        runbook=plan.runbook.name,
        inventory=plan.inventory.name,
        mode=case.mode,
        inputs=plan.scopes[0].inputs,
        skip=case.skip,
        fingerprint=plan.fingerprint,
        engine_version="case",
        objectives=plan.runbook.objectives,
        steps=summaries(plan, project.catalog),
        tasks=len(plan.tasks),
    )
    journal.open_run(RUN, opened, _ENGINE)
    dispatcher = ScriptedDispatcher(case, project.catalog, clock)
    for _ in range(_MOST_PARTS):
        state = _advance(project, prepared, case, journal, dispatcher, clock)
        answers = [] if state.closed is not None else list(_answers(case, state))
        if not answers:
            return Played(list(journal.read(RUN)), _waiting(state))
        journal.append(RUN, answers, Actor(name="case"))
    raise InvalidInputError(f"case {case.name!r} does not end: its answers are asked for again and again")


def _advance(
    project: OpenProject,
    prepared: PreparedPlan,
    case: Case,
    journal: MemoryJournal,
    dispatcher: ScriptedDispatcher,
    clock: ManualClock,
) -> RunState:
    """Go on with the run as one process would: until it is over or waits."""
    plan, state = prepared.plan, RunState(RUN, journal.read(RUN))
    lease = journal.take_lease(f"run:{RUN}", _HOLDER, _LEASE, take_over=True)
    taken = LeaseTaken(holder="case", fence=lease.fence, machine="case")
    for stored in journal.append(RUN, [taken], _ENGINE, lease=lease):
        state.apply(stored)
    orders = OrderMaker(
        plan=plan,
        state=state,
        catalog=project.catalog,
        run=RunNames(id=RUN, mode=case.mode, operator="case", started_at=clock.now().isoformat()),
        clock=clock,
        project_file=lambda path: read_project_file(project.root, path),
        defaults=project.config.defaults,
        fence=lease.fence,
        team=project.team,
        past=prepared.past,
    )
    tools = RunTools(
        journal=journal,
        dispatcher=dispatcher,
        clock=clock,
        catalog=project.catalog,
        orders=orders,
        listener=_Nobody(),
        actor=_ENGINE,
        lease=lease,
        interrupts=Interrupts(),
    )
    # What ended well is what the case gave; nobody looks again.
    options = RunOptions(
        run=RUN, mode=case.mode, forks=project.config.forks, wait=False, skip=case.skip, no_recheck="case"
    )
    run_plan(plan, state, tools, options)
    return RunState(RUN, journal.read(RUN))


def _answers(case: Case, state: RunState) -> Iterator[Event]:
    """Give what people say now to what waits for them, each once a part of the run."""
    for name, task in state.tasks.items():
        answer = case.answers.get(name) or case.answers.get(step_of(name))
        if answer is None:
            continue
        if task.phase is Phase.GATE and task.opened is not None and task.opened.opens_at is None:
            yield from _to_gate(case, name, answer, task.opened)
        elif task.phase is Phase.HELD:
            if answer not in _HELD:
                raise _misfit(case, name, answer, "failed and is held", _HELD)
            if answer == "abort":
                yield RunAbortRequested(reason="case")
                return
            yield HoldResolved(task=name, decision=answer, reason="case", number=task.attempts)


def _to_gate(case: Case, name: str, answer: Answer, opened: GateOpened) -> Iterator[Event]:
    """Answer a gate or a manual task, by as many people as it wants; whose signatures it wants, nobody checks."""
    wanted = _BY_HAND if opened.by_hand else _GATE
    if answer not in wanted:
        raise _misfit(case, name, answer, "is a manual task" if opened.by_hand else "is a gate", wanted)
    if opened.signed:
        opened = opened.model_copy(update={"signed": False})
        yield opened
    role = opened.roles[0] if opened.roles else ""
    if opened.by_hand:
        yield ManualAnswered(
            task=name, person="case-1", role=role, fingerprint=opened.fingerprint, passed=answer == "pass", note="case"
        )
    elif answer == "decline":
        yield GateDeclined(task=name, person="case-1", role=role, fingerprint=opened.fingerprint, reason="case")
    else:
        for number in range(opened.quorum):
            person = f"case-{number + 1}"
            yield GateApproved(task=name, person=person, role=role, fingerprint=opened.fingerprint, reason="case")


def _misfit(case: Case, name: str, answer: str, what: str, wanted: frozenset[Answer]) -> InvalidInputError:
    message = f"case {case.name!r}: {name} {what}, which is not answered by {answer!r}"
    return InvalidInputError(message, hint=f"answer it by one of: {', '.join(sorted(wanted))}")


def _waiting(state: RunState) -> list[str]:
    return [name for name, task in state.tasks.items() if task.phase in {Phase.GATE, Phase.HELD, Phase.DOUBT}]
