"""What the monitor does in the world: looks at conditions with read-only hands, and hands messages to channels."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from runbook_engine.app.cloud import aws_session
from runbook_engine.app.hands import EngineHands, StoreResolver
from runbook_engine.app.monitor_watches import Watched, plan_calls
from runbook_engine.app.project import OpenProject
from runbook_engine.app.project_file import read_project_file
from runbook_engine.app.run_secrets import schemes_of
from runbook_engine.connections.factory import HostConnections, HostSettings
from runbook_engine.connections.ssh_settings import SshSettings
from runbook_engine.execution.alarm_board import Owed
from runbook_engine.execution.alarm_rules import Look, Watch, alarm_of, incident_ids
from runbook_engine.execution.attempt import attempt
from runbook_engine.execution.attempt_parts import AttemptTools
from runbook_engine.execution.orders import Invalid, Ordered, OrderMaker, RunNames
from runbook_engine.execution.state import RunState
from runbook_engine.model.event_monitor import Telling, Verdict
from runbook_engine.model.inventory import Inventory
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import CheckStatus, Mode, Outcome
from runbook_engine.model.plan import Plan
from runbook_engine.model.runbook import ActionCall
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import AttemptReport
from runbook_engine.reporting.alarm_text import alarm_facts
from runbook_engine.secrets.redaction import SecretRedactor
from runbook_engine.secrets.store import Secrets

LOOK_SECONDS = 60.0
_LONGEST_WHY = 1000
_VERDICTS: Mapping[CheckStatus, Verdict] = {
    CheckStatus.SATISFIED: "holds",
    CheckStatus.UNSATISFIED: "clear",
    CheckStatus.UNKNOWN: "unknown",
}


class Word(NamedTuple):
    """Something that people are to be told over a channel.

    Attributes:
        identity: names it, the same each time, so that a double can be known.
        began: when what it is about began, ISO-8601.
        facts: what templates see as `alarm`.
        number, recorded: of this try, and what earlier ones did.
    """

    identity: str
    runbook: str
    began: str
    channel: str
    facts: JsonObject
    number: int
    recorded: JsonObject


class MonitorAttempts:
    """Makes the monitor's attempts, by the same function that makes a run's.

    Args:
        cancelled: set when the monitor is to end.
    """

    def __init__(self, project: OpenProject, inventory: Inventory, clock: Clock, cancelled: CancelSignal) -> None:
        self._project = project
        self._inventory = inventory
        self._clock = clock
        self._cancelled = cancelled
        self._redactor = SecretRedactor()
        hosts = HostConnections(HostSettings(ssh=SshSettings(), folder=project.root))
        self._aws = aws = aws_session(inventory, project.root)
        self._hands = EngineHands(
            project.root, project.team, hosts, sandbox=project.config.sandbox, resolve=self._resolve, aws=aws
        )

    def look(self, watched: Watched) -> Look:
        """Look at a trigger's condition; whatever goes wrong means that nobody can tell."""
        names = RunNames(id="monitor", mode=Mode.DRY_RUN, operator="monitor", started_at=self._clock.now().isoformat())
        report = self._make(watched.plan, "look", names, number=1, recorded={}, seconds=LOOK_SECONDS)
        if isinstance(report, str):
            return Look("unknown", self._clock.now(), why=report)
        finding = report.finding
        if finding is None or report.outcome is Outcome.UNREACHABLE:
            return Look("unknown", self._clock.now(), why=(report.error or "nothing was found out")[:_LONGEST_WHY])
        return Look(
            verdict=_VERDICTS[finding.status],
            at=self._clock.now(),
            why=finding.summary[:_LONGEST_WHY],
            incidents=incident_ids(finding.outputs),
            evidence=finding.evidence,
        )

    def tell(self, owed: Owed, call: ActionCall) -> AttemptReport:
        """Tell people of an alarm over a channel; the token is the same each time, so that a double can be known."""
        return self.say(self._word(owed), call)

    def rehearse(self, watch: Watch, channel: str, call: ActionCall) -> str:
        """Make a message as for an alarm of a trigger, and send nothing; says what is wrong with it, if so."""
        alarm = alarm_of(watch.then, watch, Look("holds", self._clock.now(), why="a rehearsal"), self._clock.now())
        return self.try_out(self._word(Owed(alarm, "raised", channel, Telling())), call)

    def say(self, word: Word, call: ActionCall) -> AttemptReport:
        """Tell people over a channel; on a drill's inventory messages go to sandboxes, as in a drill."""
        return self._say(word, call, Mode.DRILL if self._inventory.drill else Mode.LIVE)

    def try_out(self, word: Word, call: ActionCall) -> str:
        """Make a message and send nothing; says what is wrong with it, if so."""
        report = self._say(word, call, Mode.DRY_RUN)
        return report.error if report.outcome is Outcome.FAILED else ""

    def _word(self, owed: Owed) -> Word:
        alarm = owed.alarm
        return Word(
            identity=f"{alarm.id}-{owed.phase}",
            runbook=alarm.runbook,
            began=alarm.at.isoformat(),
            channel=owed.channel,
            facts=alarm_facts(alarm, owed.phase, self._project.team),
            number=owed.telling.attempts + 1,
            recorded=owed.telling.outputs,
        )

    def _say(self, word: Word, call: ActionCall, mode: Mode) -> AttemptReport:
        step = f"tell-{word.channel.partition(':')[0]}"
        plan = plan_calls(
            [(step, call)],
            self._inventory,
            self._project.catalog,
            name=word.runbook,
            inputs={"alarm": word.facts},
            variables={},
        )
        names = RunNames(id=word.identity, mode=mode, operator="monitor", started_at=word.began)
        report = self._make(plan, step, names, number=word.number, recorded=word.recorded, seconds=LOOK_SECONDS)
        if isinstance(report, str):
            return AttemptReport(task=step, number=word.number, outcome=Outcome.FAILED, error=report)
        return report

    def close(self) -> Sequence[str]:
        """Give every connection back."""
        return self._hands.close()

    def _resolve(self, reference: str) -> str:
        """Read the secret by which an audience is reached."""
        schemes = schemes_of(self._project, [], {}, self._aws)
        return Secrets(schemes, self._project.root, self._redactor).resolve(reference)

    def _make(
        self, plan: Plan, step: str, names: RunNames, *, number: int, recorded: JsonObject, seconds: float
    ) -> AttemptReport | str:
        """Make one attempt; a text says why it could not even be ordered."""
        decrypted = list(self._inventory.secrets)
        for text in decrypted:
            self._redactor.add(text)
        # A store of its own each time: secrets are exchanged while the monitor goes on for months.
        schemes = schemes_of(self._project, decrypted, {}, self._aws)
        store = Secrets(schemes, self._project.root, self._redactor)
        orders = OrderMaker(
            plan=plan,
            state=RunState(names.id),
            catalog=self._project.catalog,
            run=names,
            clock=self._clock,
            project_file=lambda path: read_project_file(self._project.root, path),
            defaults=self._project.config.defaults,
            team=self._project.team,
        )
        task = next(task for task in plan.tasks if task.id.startswith(f"{step}@"))
        prepared = orders.prepare(task, number=number, taints=False)
        if not isinstance(prepared, Ordered):
            return prepared.error if isinstance(prepared, Invalid) else f"{step} can't be ordered: {prepared}"
        order = prepared.order._replace(timeout=seconds, recorded=recorded)
        tools = AttemptTools(
            catalog=self._project.catalog,
            hands=self._hands,
            secrets=StoreResolver(store),
            redactor=self._redactor,
            clock=self._clock,
            output_limit=self._project.config.limits.output_bytes,
        )
        return attempt(order, tools, cancelled=self._cancelled, on_progress=lambda _: None)
