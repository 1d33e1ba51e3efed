"""What the loop is given: the ports it uses, and what the operator asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from runbook_engine.execution.lease_term import LeaseTerm
from runbook_engine.execution.news import News
from runbook_engine.execution.orders import OrderMaker
from runbook_engine.model.event import Actor
from runbook_engine.model.outcome import Mode
from runbook_engine.ports.catalog import Catalog
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import Dispatcher
from runbook_engine.ports.journal import Journal, Lease
from runbook_engine.ports.listener import Listener

RunEnd = Literal["succeeded", "failed", "aborted", "waiting", "interrupted"]


class Interrupts:
    """Counts the operator's Ctrl-C (and SIGTERM, SIGHUP): one starts nothing new, two cancel what runs."""

    def __init__(self) -> None:
        self.count = 0
        self.on_interrupt: Callable[[], None] | None = None

    def interrupt(self) -> None:
        """Count one more and wake the loop; safe in a signal handler."""
        self.count += 1
        if self.on_interrupt is not None:
            self.on_interrupt()


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the operator asked for.

    Attributes:
        forks: greatest number of attempts at once.
        wait: wait at gates for an answer from elsewhere; otherwise the run stops there and can be resumed.
        skip: reason by id of each step that is not to be done.
        no_recheck: why what ended well before is not looked at again; empty: it is.
        poll_seconds, heard_seconds: between two looks at what others wrote; where the store tells of it by itself.
        journal_patience: seconds to wait for a journal that can't be written for the moment.
        lease_seconds: how long the lease lasts when it is not renewed.
        displaced_seconds: for how long whoever it was taken from before its end may think that it is theirs.
    """

    run: str
    mode: Mode
    forks: int = 50
    wait: bool = False
    skip: Mapping[str, str] = field(default_factory=dict)
    no_recheck: str = ""
    lease_seconds: float = 15.0
    displaced_seconds: float = 0.0
    poll_seconds: float = 0.25
    heard_seconds: float = 0.9
    journal_patience: float = 30.0


@dataclass(frozen=True, slots=True)
class RunTools:
    """The ports that the loop uses.

    Attributes:
        also_renew: further leases that are held as long as the run's own.
        term: tells the attempts until when the lease is surely ours.
        news: what the journal's store tells of what others write.
    """

    journal: Journal
    dispatcher: Dispatcher
    clock: Clock
    catalog: Catalog
    orders: OrderMaker
    listener: Listener
    actor: Actor
    lease: Lease
    interrupts: Interrupts
    also_renew: tuple[Lease, ...] = ()
    term: LeaseTerm = field(default_factory=LeaseTerm)
    news: News = field(default_factory=News)
