"""The composition root: chooses concrete classes and joins them for one run."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runbook_engine.app.clock import SystemClock
from runbook_engine.app.cloud import aws_session
from runbook_engine.app.hands import EngineHands, StoreResolver
from runbook_engine.app.left_folders import forget_left
from runbook_engine.app.project import OpenProject
from runbook_engine.app.project_file import read_project_file
from runbook_engine.app.queues import queues_of, uses_queues
from runbook_engine.app.routed import routed_dispatcher
from runbook_engine.app.run_secrets import audience_references, references, secret_store, variables_of
from runbook_engine.connections.factory import HostConnections, HostSettings
from runbook_engine.connections.ssh_settings import SshSettings
from runbook_engine.dispatchers.threads import ThreadDispatcher
from runbook_engine.execution.attempt import attempt
from runbook_engine.execution.attempt_parts import AttemptTools
from runbook_engine.execution.lease_term import LeaseTerm
from runbook_engine.execution.live_board import LiveBoard
from runbook_engine.execution.loop_tools import Interrupts, RunOptions, RunTools
from runbook_engine.execution.news import News
from runbook_engine.execution.orders import OrderMaker, Past, RunNames
from runbook_engine.execution.state import RunState
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import Actor
from runbook_engine.model.plan import Plan
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport, Dispatcher
from runbook_engine.ports.journal import Journal, Lease
from runbook_engine.ports.listener import Listener


@contextmanager
def make_tools(
    project: OpenProject,
    plan: Plan,
    state: RunState,
    journal: Journal,
    lease: Lease,
    speaker: Actor,
    listener: Listener,
    interrupts: Interrupts,
    options: RunOptions,
    *,
    exclusive: Lease | None = None,
    past: Past | None = None,
    opens: Mapping[Path, str] | None = None,
) -> Iterator[RunTools]:
    """Give what a run is made with, and give everything back afterwards.

    Args:
        opens: passphrases of private keys and of age files, by file.
    """
    clock, term, news = SystemClock(), LeaseTerm(), News()
    term.displaced(clock.monotonic(), options.displaced_seconds)
    aws = aws_session(plan.inventory, project.root)
    known = {**audience_references(project.team), **references(project, plan)}
    store = secret_store(project, plan, opens or {}, aws, known)
    ssh = SshSettings(passphrases=opens or {})
    settings = HostSettings(ssh=ssh, withheld=variables_of(known), folder=project.root)
    hosts = HostConnections(settings)
    hands = EngineHands(
        project.root, project.team, hosts, sandbox=project.config.sandbox, resolve=store.resolve, aws=aws
    )
    far = queues_of(plan) if uses_queues(project.config) else {}
    targets = {target for served in far.values() for target in served}
    forget_left(plan, state, project.catalog, hands, listener.warning, far=targets)
    board = LiveBoard(lambda tails: journal.show(tails, lease), listener.warning, clock=clock)
    attempts = AttemptTools(
        catalog=project.catalog,
        hands=hands,
        secrets=StoreResolver(store),
        redactor=store.redactor,
        clock=clock,
        output_limit=project.config.limits.output_bytes,
        term=term,
        board=board,
    )

    def make(order: AttemptOrder, cancelled: CancelSignal, on_progress: Callable[[str], None]) -> AttemptReport:
        return attempt(order, attempts, cancelled=cancelled, on_progress=on_progress)

    def settled(order: AttemptOrder) -> None:
        action = project.catalog.get(order.action)
        if action is not None and action.effect == "token":
            try:
                connection = hands.connection(order.target, become_user=order.become_user)
                connection.forget_detached(order.token)
                connection.close()
            except RunbookError as error:
                # What stays on the target is a few kilobytes; the run's own outcome is recorded already.
                listener.warning(f"{order.task}: the finished command's folder could not be removed: {error.message}")

    # Messages have threads of their own: people are told while every fork works on something that takes long.
    forks = options.forks + sum(talk.places for talk in plan.communications)
    threads = ThreadDispatcher(make, settled, forks=forks, clock=clock)
    dispatcher: Dispatcher = threads
    if far:
        dispatcher = routed_dispatcher(project, plan, state, lease, threads, listener, known)
    interrupts.on_interrupt = news.on_news = dispatcher.wake
    orders = OrderMaker(
        plan=plan,
        state=state,
        catalog=project.catalog,
        run=RunNames(
            id=options.run,
            mode=options.mode,
            operator=speaker.name,
            started_at=state.opened_at.isoformat() if state.opened_at else "",
        ),
        clock=clock,
        project_file=lambda path: read_project_file(project.root, path),
        defaults=project.config.defaults,
        fence=lease.fence,
        team=project.team,
        past=past,
    )
    ears = journal.listen(options.run, news.hear)
    news.hears = ears is not None
    try:
        yield RunTools(
            journal=journal,
            dispatcher=dispatcher,
            clock=clock,
            catalog=project.catalog,
            orders=orders,
            listener=listener,
            actor=Actor(kind="engine", name="engine", os_user=speaker.os_user, host=speaker.host),
            lease=lease,
            interrupts=interrupts,
            term=term,
            news=news,
            also_renew=(exclusive,) if exclusive else (),
        )
    finally:
        if ears is not None:
            ears.close()
        dispatcher.close()
        board.close()
        for problem in hands.close():
            listener.warning(f"finished commands' folders could not be removed: {problem}")
