"""Tells people, over the channels of runbook.toml, what changed in a runbook's readiness: once for each change."""

from collections.abc import Sequence
from typing import NamedTuple

from runbook_engine.app.clock import SystemClock
from runbook_engine.app.monitor_attempts import LOOK_SECONDS, MonitorAttempts, Word
from runbook_engine.app.prepare import PreparedPlan
from runbook_engine.app.project import InvalidFilesError, OpenProject
from runbook_engine.app.readiness import Readiness
from runbook_engine.app.readiness_history import told_before
from runbook_engine.journals.holder import this_machine, this_process
from runbook_engine.loading.config import config_source
from runbook_engine.model.errors import InvalidInputError, LeaseError, UsageError
from runbook_engine.model.event import Actor, ReadinessAssessed, ReadinessTold
from runbook_engine.model.json import digest
from runbook_engine.model.readiness import Area, Level, ReadinessFinding, Verdict
from runbook_engine.model.report import RunReport
from runbook_engine.model.runbook import ActionCall
from runbook_engine.planning.lint_tell import lint_tell
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.journal import Journal, Lease
from runbook_engine.reporting.readiness_text import readiness_facts

_SECONDS = 2 * LOOK_SECONDS  # a try to tell people over a channel ends well before that


class Channel(NamedTuple):
    """A channel of runbook.toml: its place and action, and what is done to tell people."""

    name: str
    call: ActionCall


class ReadinessTeller:
    """Tells people what changed; each channel is told what it does not know yet.

    Args:
        names: of channels: the action (`notify.email`), the place in `monitor.tell` (`2`), both (`2:notify.email`), or
            the audience of team.yml to which it goes.

    Raises:
        UsageError: a name fits no channel, or several.
        InvalidFilesError, InvalidInputError: runbook.toml says wrongly who is told, or a message can't be made.
    """

    def __init__(self, project: OpenProject, prepared: PreparedPlan, names: Sequence[str]) -> None:
        self._project, self._runbook, self._clock = project, prepared.plan.runbook, SystemClock()
        self.channels = tuple({one.name: one for one in (_chosen(project, name) for name in names)}.values())
        _check(project)
        inventory = prepared.plan.inventory
        self._attempts = MonitorAttempts(project, inventory, self._clock, CancelSignal())
        for channel in self.channels:
            if problem := self._attempts.try_out(self._rehearsal(channel, inventory.name), channel.call):
                raise InvalidInputError(
                    f"runbook.toml: nobody would be told of {self._runbook.name} over {channel.name}: {problem}",
                    hint="`alarm.emails` are those of the people who have the role that is the runbook's owner",
                )

    def tell(self, journal: Journal, look: Readiness) -> list[ReadinessTold]:
        """Tell each channel what changed since it was told last, and record what it knows now.

        What could not be told is told by the next look, if it is so still; with the same identity.

        Raises:
            LeaseError: another process tells people of this runbook at this moment.
            JournalError: it can't be recorded.
        """
        report = look.report
        name = f"readiness:{report.runbook}@{report.inventory}"
        try:
            lease = journal.take_lease(name, this_process(), _SECONDS * (1 + len(self.channels)))
        except LeaseError as error:
            raise LeaseError(error.message, hint="the next look tells what that one did not know") from error
        try:
            return [self._tell(journal, look, channel, lease) for channel in self.channels]
        finally:
            journal.release_lease(lease)
            self._attempts.close()

    def _tell(self, journal: Journal, look: Readiness, channel: Channel, lease: Lease) -> ReadinessTold:
        run = look.report.run
        before = told_before(journal, run, channel.name) or ReadinessTold(channel=channel.name)
        now = tuple(dict.fromkeys(one.what for one in look.assessed.findings if one.counts))
        event = ReadinessTold(channel=channel.name, known=before.known, since=before.since)
        if set(now) != set(before.known):
            identity = _identity(look, channel.name, before, now)
            again = before if before.message == identity else event
            word = self._word(look, channel, identity, again, before.known)
            report = self._attempts.say(word, channel.call)
            told = report.outcome.ended_well
            event = ReadinessTold(
                channel=channel.name,
                message=identity,
                told=told,
                known=now if told else before.known,
                since=run if told else before.since,
                number=word.number,
                error="" if told else report.error or "nobody said why",
                outputs=report.outputs,
            )
        journal.append(run, [event], Actor(kind="engine", name="engine", host=this_machine()), lease=lease)
        return event

    def _word(
        self, look: Readiness, channel: Channel, identity: str, again: ReadinessTold, known: Sequence[str]
    ) -> Word:
        facts = readiness_facts(identity, self._runbook, look.report, look.assessed, look.at, known, self._project.team)
        return Word(
            identity=identity,
            runbook=self._runbook.name,
            began=look.at.isoformat(),
            channel=channel.name,
            facts=facts,
            number=again.number + 1,
            recorded=again.outputs,
        )

    def _rehearsal(self, channel: Channel, inventory: str) -> Word:
        """Make up a message, so that what is wrong with it is found before anything is to be told."""
        at = self._clock.now()
        one = ReadinessFinding(level=Level.MISSING, area=Area.STEP, what="a rehearsal", text="a rehearsal")
        assessed = ReadinessAssessed(verdict=Verdict.NOT_READY, findings=(one,))
        report = RunReport.model_construct(run="rehearsal", runbook=self._runbook.name, inventory=inventory)
        facts = readiness_facts("readiness", self._runbook, report, assessed, at, (), self._project.team)
        return Word("readiness", self._runbook.name, at.isoformat(), channel.name, facts, number=1, recorded={})


def _check(project: OpenProject) -> None:
    source = config_source(project.root / "runbook.toml")
    tables, defaults = project.config.monitor.tell, project.config.defaults
    found = list(lint_tell(tables, lambda *path: source.at(path), project.catalog, defaults))
    if found:
        raise InvalidFilesError("runbook.toml says wrongly who is told", found, {source.file: source})


def _chosen(project: OpenProject, name: str) -> Channel:
    """Find a channel of runbook.toml by what it is called on the command line.

    Raises:
        UsageError: a name fits none, or several.
    """
    there: dict[str, Channel] = {}
    found: list[Channel] = []
    for number, table in enumerate(project.config.monitor.tell, 1):
        ((action, params),) = table.items()
        channel = Channel(f"{number}:{action}", ActionCall(name=action, params=params))
        there[channel.name] = channel
        if name in {channel.name, str(number), action, params.get("audience")}:
            found.append(channel)
    if len(found) == 1:
        return found[0]
    hint = f"runbook.toml has: {', '.join(there)}" if there else "name one in runbook.toml: [[monitor.tell]]"
    what = "is several" if found else "is none"
    raise UsageError(f"--notify {name}: that {what} of runbook.toml's channels (monitor.tell)", hint=hint)


def _identity(look: Readiness, channel: str, before: ReadinessTold, now: Sequence[str]) -> str:
    """Name a message by what it tells, whom, and what they were told last: no two changes have one name."""
    report = look.report
    told = [report.runbook, report.inventory, report.limit, channel, before.since, sorted(before.known), sorted(now)]
    return f"readiness-{report.runbook}-{digest(told).removeprefix('sha256:')[:16]}"
