"""The use case `compliance`: which drills, reviews and copies are due, by the runbooks and the journal."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from runbook_engine.app.project import OpenProject
from runbook_engine.app.whole import refuse_damaged
from runbook_engine.loading.folder import is_file, yaml_files
from runbook_engine.loading.limited_file import open_plain
from runbook_engine.loading.runbook import load_runbook
from runbook_engine.model.compliance import Duty, DutyState
from runbook_engine.model.diagnostic import has_errors
from runbook_engine.model.errors import NoJournalError
from runbook_engine.model.event import PlanAccepted, RunOpened
from runbook_engine.model.outcome import Mode
from runbook_engine.model.runbook import Runbook, Step
from runbook_engine.ports.journal import Journal, RunHead

_LARGEST = 64 << 20
_FOR_REAL = frozenset({Mode.DRILL.value, Mode.LIVE.value})
_ORDER = {state: number for number, state in enumerate(DutyState)}


def duties(project: OpenProject, now: datetime, soon: timedelta) -> list[Duty]:
    """Give every duty of the project's runbooks, the worst first.

    Args:
        soon: what is due within this time is told as such.

    Raises:
        JournalError: the journal can't be read, or a run that would count was changed after it was written.
        InvalidInputError: the folder of runbooks can't be read.
    """
    try:
        journal: Journal | None = project.journal()
    except NoJournalError:
        journal = None  # nothing was ever run
    try:
        records = _Records(project.root, journal)
        found = [duty for path in _files(project) for duty in _of_file(project, path, records, now, soon)]
    finally:
        if journal is not None:
            journal.close()
    return sorted(found, key=lambda duty: (_ORDER[duty.state], duty.runbook, duty.kind))


@dataclass(frozen=True, slots=True)
class _Past:
    """What the journal knows of a runbook: the newest run that ended well, one that failed since, a dry run since."""

    good: RunHead | None = None
    bad: RunHead | None = None
    dry: RunHead | None = None


class _Records:
    """The runs that are over, by runbook."""

    def __init__(self, root: Path, journal: Journal | None) -> None:
        self._root = root
        self._journal = journal
        self._runs: dict[str, list[RunHead]] = {}
        self._whole: set[str] = set()
        for run in journal.runs() if journal is not None else ():
            self._runs.setdefault(run.runbook, []).append(run)

    def past(self, runbook: str, modes: frozenset[str], now: datetime) -> _Past:
        """Look at the runs of a runbook in these modes that had ended by then; what took one back is none of them.

        Raises:
            JournalError: the record of a run that was looked at is damaged, its mode and end as listed included.
        """
        good = bad = dry = None
        for run in self._runs.get(runbook, ()):  # newest first
            self._refuse_damaged(run)
            if run.closed_at is None or run.closed_at > now:
                continue
            if run.mode == Mode.DRY_RUN.value:
                dry = dry or (run if run.status == "succeeded" else None)
            elif run.mode in modes and not self._is_undo(run):
                if run.status == "succeeded":
                    good = run
                    break
                bad = bad or (run if run.status == "failed" else None)
        if good is not None and dry is not None and dry.opened_at < good.opened_at:
            dry = None
        return _Past(good, bad, dry)

    def _refuse_damaged(self, run: RunHead) -> None:
        if self._journal is not None and run.id not in self._whole:
            refuse_damaged(self._journal, run.id)
            self._whole.add(run.id)

    def changed(self, run: RunHead, files: Mapping[str, str]) -> tuple[str, ...]:
        """Name the files that are not what they were when a run was planned from them.

        Args:
            files: the runbook and what it imports now, with their hashes.
        """
        before = self._planned_from(run)
        if before is None:
            return ()
        now = {**{name: self._hash(name) for name in before}, **files}
        return tuple(sorted(name for name in now if now[name] != before.get(name)))

    def _planned_from(self, run: RunHead) -> Mapping[str, str] | None:
        """Give the hashes of the files that a run was planned from, the last time that it was; None of a pruned one."""
        found: Mapping[str, str] | None = None
        for stored in self._journal.read(run.id) if self._journal is not None and not run.pruned else ():
            if isinstance(stored.event, RunOpened) or (isinstance(stored.event, PlanAccepted) and stored.event.files):
                found = stored.event.files
        return found

    def _opening(self, run: RunHead) -> RunOpened | None:
        if self._journal is None or run.pruned:
            return None
        event = next(iter(self._journal.read(run.id))).event
        return event if isinstance(event, RunOpened) else None

    def _is_undo(self, run: RunHead) -> bool:
        opened = self._opening(run)
        return opened is not None and bool(opened.reverts)

    def _hash(self, name: str) -> str:
        try:
            with open_plain(self._root / name) as file:
                return hashlib.sha256(file.read(_LARGEST)).hexdigest()
        except OSError:
            return ""  # removed since, which is a change


def _files(project: OpenProject) -> list[Path]:
    return [path for path in yaml_files(project.root / "runbooks") if is_file(path)]


def _of_file(project: OpenProject, path: Path, records: _Records, now: datetime, soon: timedelta) -> Iterator[Duty]:
    loaded = load_runbook(
        path, project=project.root, limits=project.config.limits, action_names=project.catalog.names()
    )
    runbook = loaded.runbook
    if runbook is None or has_errors(list(loaded.diagnostics)):
        note = "`runbook validate` says what is wrong"
        yield Duty(runbook=path.stem, kind="file", state=DutyState.INVALID, note=note)
        return
    if runbook.drill is not None:
        yield _drill(runbook, runbook.drill.every, records, now, soon)
    if runbook.review is not None:
        last = runbook.review.last
        done = datetime.combine(last, time(), UTC) if last is not None else None
        yield _duty(runbook, "review", runbook.review.every, done, now, soon)
    if runbook.objectives.rpo is not None and _makes_copies(project, runbook):
        past = records.past(runbook.name, frozenset({Mode.LIVE.value}), now)
        yield _by_runs(runbook, "copy", runbook.objectives.rpo, past, now, soon)


def _drill(runbook: Runbook, every: timedelta, records: _Records, now: datetime, soon: timedelta) -> Duty:
    past = records.past(runbook.name, _FOR_REAL, now)
    duty = _by_runs(runbook, "drill", every, past, now, soon)
    changed = records.changed(past.good, runbook.files) if past.good is not None else ()
    state = DutyState.CHANGED if changed and not duty.state.is_breach else duty.state
    note = f"dry run {past.dry.id} is no drill" if past.dry is not None and state is not DutyState.OK else ""
    rehearsed = past.dry.id if past.dry is not None else ""
    return duty.model_copy(update={"state": state, "changed": changed, "rehearsed": rehearsed, "note": note})


def _by_runs(runbook: Runbook, kind: str, every: timedelta, past: _Past, now: datetime, soon: timedelta) -> Duty:
    """Tell how a duty stands that a run does; the age of what was copied counts from the run's beginning."""
    good = past.good
    done = good.closed_at if good is not None and kind == "drill" else good.opened_at if good is not None else None
    duty = _duty(runbook, kind, every, done, now, soon)
    if past.bad is not None:
        return duty.model_copy(update={"state": DutyState.FAILED, "last_run": past.bad.id})
    return duty.model_copy(update={"last_run": good.id if good is not None else ""})


def _duty(runbook: Runbook, kind: str, every: timedelta, done: datetime | None, now: datetime, soon: timedelta) -> Duty:
    due = done + every if done is not None else None
    if due is None:
        state = DutyState.NEVER
    elif due < now:
        state = DutyState.OVERDUE
    else:
        state = DutyState.SOON if due - now <= min(soon, every / 2) else DutyState.OK
    return Duty(
        runbook=runbook.name,
        title=runbook.title,
        owner=runbook.owner or "",
        policy=runbook.policy,
        kind=kind,
        state=state,
        every=every.total_seconds(),
        last_at=done,
        due_at=due,
    )


def _makes_copies(project: OpenProject, runbook: Runbook) -> bool:
    """Whether one of its steps makes a backup or an export."""
    return any(_copies(project, step) for step in runbook.steps)


def _copies(project: OpenProject, step: Step) -> bool:
    action = project.catalog.get(step.action.name) if step.action is not None else None
    return action is not None and action.makes_copy
