"""The project as the monitor sees it: triggers from its files, looks in threads, messages by its configuration."""

import queue
import threading
from collections.abc import Iterable, Mapping, Sequence

from runbook_engine.app.monitor_attempts import MonitorAttempts
from runbook_engine.app.monitor_watches import WatchList, fingerprints, load_watches
from runbook_engine.app.project import InvalidFilesError, OpenProject, open_project
from runbook_engine.execution.alarm_board import Owed
from runbook_engine.execution.alarm_rules import Look, Watch
from runbook_engine.loading.config import config_source
from runbook_engine.model.errors import InvalidInputError, RunbookError
from runbook_engine.model.outcome import Mode
from runbook_engine.model.runbook import ActionCall
from runbook_engine.planning.lint_tell import lint_tell
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import AttemptReport
from runbook_engine.ports.journal import Journal

_AT_ONCE = 16
_PATIENCE = 90.0  # seconds for all looks of a round; each ends itself before that, unless its action hangs


class ProjectWorld:
    """What the monitor watches, and its hands (`app.monitor.World`).

    Args:
        names: runbooks; none for all that have triggers.
        stop: set when the monitor is to end.
        patience: seconds that all looks of a round may take together.

    Raises:
        InvalidFilesError, InvalidInputError, UsageError: as `load_watches` says, or a channel is not valid.
    """

    def __init__(
        self,
        project: OpenProject,
        journal: Journal,
        clock: Clock,
        stop: CancelSignal,
        names: Sequence[str] = (),
        inventories: tuple[str, ...] = (),
        *,
        patience: float = _PATIENCE,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._stop = stop
        self._names, self._inventories = tuple(names), inventories
        self._patience = patience
        self._busy: set[str] = set()
        self._slots = threading.Semaphore(_AT_ONCE)
        self._answers: queue.SimpleQueue[tuple[str, Look]] = queue.SimpleQueue()
        self._refused: Mapping[str, tuple[int, int, int]] | None = None
        self._said = ""
        self._take(project, load_watches(project, self._names, inventories, inventories))

    @property
    def watches(self) -> Mapping[str, Watch]:
        """Every trigger that is watched, by id."""
        return {one.watch.id: one.watch for one in self.list.watched}

    @property
    def channels(self) -> Sequence[str]:
        """The channels of runbook.toml, by place and action."""
        return [f"{number}:{call.name}" for number, call in enumerate(self._calls, 1)]

    def refresh(self) -> str:
        """Read what is watched anew if its files changed; what is not valid any more is told, and the old one kept."""
        now: Mapping[str, tuple[int, int, int]] | None = None
        try:
            now = fingerprints(self._project, self._inventories)
            if now in (self.list.files, self._refused):
                return ""
            project = open_project(self._project.root)
            fresh = load_watches(project, self._names, self._inventories, self._inventories)
            if fresh.inventory.name != self.list.inventory.name:
                raise InvalidInputError("the default inventory is another one now", hint="start the monitor anew")
            before = self._attempts
            self._take(project, fresh)
            before.close()
        except RunbookError as error:
            self._refused = now
            hint = f" ({error.hint})" if error.hint else ""
            said_before, self._said = self._said, f"{error.message}{hint}"
            words = f"the files changed, and are not valid; what they said before is watched on: {self._said}"
            return words if self._said != said_before else ""
        return f"the files changed: {len(self.list.watched)} triggers are watched now"

    def look(self, names: Sequence[str], stop: CancelSignal) -> Iterable[tuple[str, Look]]:
        """Look at triggers, several at once, each in a thread that nobody waits for for ever."""
        watched = {one.watch.id: one for one in self.list.watched}
        attempts, waited = self._attempts, set[str]()
        while not self._answers.empty():  # of looks that nobody waits for any more
            self._busy.discard(self._answers.get()[0])
        for name in names:
            if name in self._busy:
                yield name, Look("unknown", self._clock.now(), why="the look before this one still goes on")
                continue
            waited.add(name)
            self._busy.add(name)

            def look(name: str = name) -> None:
                try:
                    with self._slots:
                        found = attempts.look(watched[name])
                except Exception as error:  # noqa: BLE001 - a defect of ours means that nobody can tell, and is told so
                    words = f"a defect of runbook: {type(error).__name__}: {error}"
                    found = Look("unknown", self._clock.now(), why=words)
                self._answers.put((name, found))

            threading.Thread(target=look, name=f"look {name}", daemon=True).start()
        end = self._clock.monotonic() + self._patience
        while waited and not stop.is_set() and self._clock.monotonic() < end:
            try:
                name, found = self._answers.get(timeout=0.2)
            except queue.Empty:
                continue
            self._busy.discard(name)
            if name in waited:
                waited.discard(name)
                yield name, self._with_run(name, found)
        for name in sorted(waited) if not stop.is_set() else ():
            yield name, Look("unknown", self._clock.now(), why=f"no answer within {self._patience:g} s")

    def tell(self, owed: Owed) -> AttemptReport:
        """Tell people of an alarm."""
        return self._attempts.tell(owed, self._calls[int(owed.channel.partition(":")[0]) - 1])

    def close(self) -> Sequence[str]:
        """Give every connection back; says what could not be tidied up."""
        return self._attempts.close()

    def _take(self, project: OpenProject, fresh: WatchList) -> None:
        tables = project.config.monitor.tell
        calls = [ActionCall(name=name, params=params) for table in tables for name, params in table.items()]
        source = config_source(project.root / "runbook.toml")
        found = list(lint_tell(tables, lambda *path: source.at(path), project.catalog, project.config.defaults))
        if found:
            raise InvalidFilesError("runbook.toml says wrongly who is told", found, {source.file: source})
        attempts = MonitorAttempts(project, fresh.inventory, self._clock, self._stop)
        self._rehearse(attempts, calls, fresh)
        self._project, self.list, self._calls, self._attempts = project, fresh, calls, attempts
        self._refused, self._said = None, ""

    def _rehearse(self, attempts: MonitorAttempts, calls: Sequence[ActionCall], fresh: WatchList) -> None:
        """Make every message once without sending it: what is wrong must not be found out when there is an alarm.

        Raises:
            InvalidInputError: one can't be made.
        """
        owners = {one.watch.owner: one.watch for one in fresh.watched}
        for number, call in enumerate(calls, 1):
            for watch in owners.values():
                if problem := attempts.rehearse(watch, f"{number}:{call.name}", call):
                    raise InvalidInputError(
                        f"runbook.toml: monitor.tell {number}: nobody would be told of {watch.runbook}: {problem}",
                        hint="`alarm.emails` are those of the people who have the role that is the runbook's owner",
                    )

    def _with_run(self, name: str, look: Look) -> Look:
        """Add the run of the runbook that is open already, since nobody needs a second one."""
        if look.verdict != "holds":
            return look
        watch = self.watches[name]
        for head in self._journal.runs(limit=100):
            same = (head.runbook, head.inventory) == (watch.runbook, watch.inventory)
            if same and head.status == "open" and head.mode != Mode.DRY_RUN:
                return Look(look.verdict, look.at, look.why, look.incidents, look.evidence, open_run=head.id)
        return look
