"""What people did to a run: approvals, decisions, messages, notes; and who had the right to advance it."""

from dataclasses import dataclass, field
from datetime import datetime

from runbook_engine.model.event import (
    AnswerRefused,
    GateApproved,
    GateDeclined,
    GateExpired,
    GateOpened,
    HoldResolved,
    LeaseTaken,
    ManualAnswered,
    MessageSaid,
    NoteAdded,
    PlanAccepted,
    RecheckSkipped,
    RecoveryPointUsed,
    RevertDue,
    RunAbortRequested,
    RunOpened,
    RunPaused,
    Said,
    StoredEvent,
    TaskResolved,
)
from runbook_engine.model.report import (
    RecoveryPoint,
    TimelineEntry,
)
from runbook_engine.model.report_people import (
    Answer,
    Deviation,
    GateReport,
    Holding,
    Note,
)
from runbook_engine.reporting.messages import MessageFold


@dataclass(slots=True)
class PeopleFold:
    """Everything but the tasks, while a run's events are read."""

    deviations: list[Deviation] = field(default_factory=list)
    recovery_points: list[RecoveryPoint] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    _gates: dict[str, GateReport] = field(default_factory=dict)
    _ended: dict[str, datetime] = field(default_factory=dict)
    talk: MessageFold = field(default_factory=MessageFold)

    def follow(self, stored: StoredEvent) -> None:
        """Take one more event of the run."""
        match stored.event:
            case RunOpened() as event:
                for step, reason in event.skip.items():
                    self._deviate(stored, "skip", step, reason)
                if event.live_inventory:
                    self._deviate(stored, "live-inventory", f"a drill on {event.inventory}", event.live_inventory)
                if event.git_dirty:
                    self._deviate(stored, "files", "files with changes that no commit holds")
            case RecoveryPointUsed() as event:
                self.recovery_points.append(RecoveryPoint(task=event.task, point=event.point))
            case NoteAdded() as event:
                self.notes.append(Note(at=stored.time, who=stored.actor.name, text=event.text))
            case MessageSaid() as event:
                self._deviate(stored, "say", ", ".join(event.audiences), event.text)
            case RecheckSkipped() as event:
                self._deviate(stored, "no-recheck", "what ended well before", event.reason)
            case (
                LeaseTaken()
                | PlanAccepted()
                | HoldResolved()
                | TaskResolved()
                | RunPaused()
                | RunAbortRequested()
                | RevertDue()
            ):
                self._follow_decision(stored)
            case _:
                self.talk.follow(stored)
                self._follow_gate(stored)

    def gates(self) -> tuple[GateReport, ...]:
        """Give the gates and manual steps in the order in which they were asked."""
        return tuple(self._gates.values())

    def moments(self) -> list[TimelineEntry]:
        """Give gates and messages as entries of the timeline."""
        gates = [
            TimelineEntry(
                at=gate.opened_at, ended=self._ended.get(gate.task), kind="gate", label=gate.task, outcome=gate.state
            )
            for gate in self._gates.values()
            if gate.opened_at is not None
        ]
        sent = [
            TimelineEntry(
                at=message.sent_at, kind="message", label=f"{message.audience} #{message.sequence}", outcome="sent"
            )
            for message in self.talk.messages()
            if message.sent_at is not None
        ]
        return gates + sent

    def _follow_decision(self, stored: StoredEvent) -> None:
        match stored.event:
            case LeaseTaken() as event:
                self.holdings.append(
                    Holding(at=stored.time, holder=event.holder, fence=event.fence, took_over=event.took_over)
                )
                if event.took_over:
                    self._deviate(stored, "take-over", f"taken over by {event.holder}")
            case RevertDue() as event:
                self._deviate(stored, "revert", f"{event.task}: what the run changed is taken back", event.reason)
            case PlanAccepted() as event:
                self._deviate(stored, "plan", "; ".join(event.difference) or "the plan changed")
            case HoldResolved(decision="skip" | "ignore" | "retry" | "abort") as event:
                self._deviate(stored, event.decision, event.task, event.reason)
            case TaskResolved() as event:
                self._deviate(stored, "resolved", f"{event.task} #{event.number}: {event.truth}", event.reason)
            case RunPaused() as event:
                self._deviate(stored, "pause", "paused", event.reason)
            case RunAbortRequested() as event:
                self._deviate(stored, "abort", "asked to end", event.reason)

    def _follow_gate(self, stored: StoredEvent) -> None:
        match stored.event:
            case GateOpened() as event:
                self._gates[event.task] = GateReport(
                    task=event.task,
                    opened_at=stored.time,
                    roles=event.roles,
                    quorum=event.quorum,
                    message=event.message,
                    fingerprint=event.fingerprint,
                    answers=self._gate(event.task).answers,
                )
            case GateApproved() as event:
                gate = self._add(stored, event.task, event.person, "approved", event.reason, role=event.role,
                                 fingerprint=event.fingerprint, signed=event.signature is not None)  # fmt: skip
                approvals = sum(answer.said == "approved" for answer in gate.answers)
                if approvals >= gate.quorum:
                    self._close(stored, gate, "approved")
            case GateDeclined() as event:
                gate = self._add(stored, event.task, event.person, "declined", event.reason, role=event.role,
                                 fingerprint=event.fingerprint, signed=event.signature is not None)  # fmt: skip
                self._close(stored, gate, "declined")
            case AnswerRefused() as event:
                self._add(stored, event.task, event.person, "refused", event.reason)
                self._deviate(stored, "refused", f"answer of {event.person} to {event.task}", event.reason)
            case GateExpired() as event:
                self._close(stored, self._gate(event.task), "expired")
            case ManualAnswered() as event:
                said = "passed" if event.passed else "failed"
                gate = self._add(stored, event.task, event.person or stored.actor.name, said, event.note,
                                 role=event.role, fingerprint=event.fingerprint,
                                 signed=event.signature is not None)  # fmt: skip
                self._close(stored, gate, "answered")

    def _gate(self, task: str) -> GateReport:
        return self._gates.get(task, GateReport(task=task))

    def _add(self, stored: StoredEvent, task: str, person: str, said: str, reason: str, **more: object) -> GateReport:
        gate = self._gate(task)
        answer = Answer.model_validate(
            {"at": stored.time, "said": said, "person": person, "by": stored.actor, "reason": reason, **more}
        )
        self._gates[task] = gate.model_copy(update={"answers": (*gate.answers, answer)})
        return self._gates[task]

    def _close(self, stored: StoredEvent, gate: GateReport, state: str) -> None:
        self._gates[gate.task] = gate.model_copy(update={"state": state})
        self._ended[gate.task] = stored.time

    def _deviate(self, stored: StoredEvent, kind: str, what: str, reason: str = "") -> None:
        who = stored.actor
        told = {"at": stored.time, "kind": kind, "what": what, "who": who.name, "by": who, "reason": reason}
        if isinstance(stored.event, Said):
            told |= {"roles": stored.event.roles, "fingerprint": stored.event.fingerprint}
            told["signed"] = getattr(stored.event, "signature", None) is not None
        self.deviations.append(Deviation.model_validate(told))
