"""Joins the threads of this process with the queues of workers elsewhere, for a plan whose targets have queues."""

from collections.abc import Mapping

from runbook_engine.app.clock import SystemClock
from runbook_engine.app.project import OpenProject
from runbook_engine.app.queue_facts import relative_origin, run_for_workers, seal
from runbook_engine.app.queues import database, queue_of
from runbook_engine.app.workers import explained
from runbook_engine.dispatchers.threads import ThreadDispatcher
from runbook_engine.execution.state import RunState
from runbook_engine.model.errors import JournalUnavailableError
from runbook_engine.model.plan import Plan
from runbook_engine.ports.action import Effect
from runbook_engine.ports.dispatcher import AttemptOrder, Dispatcher
from runbook_engine.ports.journal import Lease
from runbook_engine.ports.listener import Listener


def routed_dispatcher(
    project: OpenProject,
    plan: Plan,
    state: RunState,
    lease: Lease,
    threads: ThreadDispatcher,
    listener: Listener,
    known: Mapping[str, str],
) -> Dispatcher:
    """Give a dispatcher that leaves attempts on targets with a queue to that queue's workers.

    Args:
        known: the references of secrets that steps and audiences use.

    Raises:
        JournalError: the database can't hold orders, or can't be reached.
    """
    url = database(project.config)
    if url is None or state.opened is None:
        raise JournalUnavailableError("only a journal in PostgreSQL holds orders for workers")
    with explained():
        return _routed(project, plan, state, lease, threads, listener, known, url)


def _routed(
    project: OpenProject,
    plan: Plan,
    state: RunState,
    lease: Lease,
    threads: ThreadDispatcher,
    listener: Listener,
    known: Mapping[str, str],
    url: str,
) -> Dispatcher:
    from runbook_engine.dispatchers.procrastinate import QueueDispatcher, QueueRun
    from runbook_engine.dispatchers.queue_list import ensure_schema
    from runbook_engine.dispatchers.queue_wire import SentOrder
    from runbook_engine.dispatchers.routed import RoutedDispatcher

    ensure_schema(url)
    sources = state.opened.inventory_sources if state.opened else ()
    facts = run_for_workers(project, plan, sources, known)

    def queue(order: AttemptOrder) -> str | None:
        # Messages are told from here: people wait for them whatever becomes of a region.
        return queue_of(plan.inventory, order.target) if order.task in plan.task_index else None

    def sent(order: AttemptOrder) -> SentOrder:
        entry = project.catalog.entry(order.action)
        sealed = order._replace(target=seal(order.target, plan.inventory), elsewhere="")
        return SentOrder(sealed, relative_origin(entry.origin, project.root), entry.version)

    def leaves(order: AttemptOrder) -> bool:
        action = project.catalog.get(order.action)
        return action is not None and action.effect is Effect.TOKEN

    queues = QueueDispatcher(
        QueueRun(
            url=url,
            run=state.run,
            fence=lease.fence,
            facts=facts.model_dump_json(),
            queue_of=queue,
            sent=sent,
            leaves=leaves,
            deliver=threads.post,
            warn=listener.warning,
        ),
        clock=SystemClock(),
    )
    queues.start()
    return RoutedDispatcher(threads, queues, far=lambda order: queue(order) is not None)
