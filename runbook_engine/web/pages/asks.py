"""What a run waits for people to say, and whether it is the viewer who may say it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from runbook_engine.app.status import RunStatus, WaitingGate
from runbook_engine.app.whom_to_ask import whom_to_ask
from runbook_engine.model.report_tasks import Trouble
from runbook_engine.model.team import Team
from runbook_engine.reporting.troubles import group_troubles
from runbook_engine.web.viewer import Viewer

Kind = Literal["gate", "manual", "window", "hold", "doubt"]
_MOST_REASONS = 10
READ_ONLY = "This session may look, but not answer: your name has no role in the team."


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to people.

    Attributes:
        key: the same as long as it is the same question, so that what is being typed stays with it.
        objection: why the viewer can't answer; empty when they can.
        who: the people who can, and how they are reached.
        command: what to type where a browser can't answer, since a signature is wanted.
        tasks: held tasks of the step, where it is asked about several of them at once.
        own: the viewer asked for the run: they may decline, and somebody else must approve.
    """

    kind: Kind
    task: str
    key: str
    text: str
    objection: str = ""
    roles: tuple[str, ...] = ()
    quorum: int = 1
    approved_by: tuple[str, ...] = ()
    until: datetime | None = None
    who: tuple[str, ...] = ()
    command: str = ""
    tasks: tuple[str, ...] = ()
    own: bool = False


def asks(status: RunStatus, team: Team, viewer: Viewer | None) -> list[Ask]:
    """Give all that a run waits for, first what only certain people can say."""
    held = group_troubles((one.task, one.state, one.reason) for one in status.held)
    return [*_gates(status, team, viewer), *_holds(held, viewer), *_doubts(status, viewer)]


def may_steer(viewer: Viewer | None) -> bool:
    """Whether the viewer may decide about tasks that failed, and about the run as a whole."""
    return viewer is not None and viewer.may_act


def _gates(status: RunStatus, team: Team, viewer: Viewer | None) -> Iterator[Ask]:
    for gate in status.gates:
        if gate.opens_at is not None:
            text = "Waits for a time, and asks nobody."
            yield Ask("window", gate.task, f"window:{gate.task}", text, until=gate.opens_at)
            continue
        verb = "answer" if gate.by_hand else "approve"
        end = " pass" if gate.by_hand else ""
        yield Ask(
            kind="manual" if gate.by_hand else "gate",
            task=gate.task,
            key=f"gate:{gate.task}:{len(gate.approved_by)}",
            text=gate.message,
            objection=_objection(gate, viewer, status.id),
            roles=gate.roles,
            quorum=gate.quorum,
            approved_by=gate.approved_by,
            until=gate.expires_at,
            who=tuple(whom_to_ask(team, gate.roles)),
            own=viewer is not None and gate.requester == viewer.person,
            command=f"runbook {verb} {status.id} {gate.task}{end} --sign" if gate.signed else "",
        )


def _objection(gate: WaitingGate, viewer: Viewer | None, run: str) -> str:
    roles = " or ".join(gate.roles) or "anybody"
    person = viewer.person if viewer is not None else ""
    objections = (
        (gate.answered, "Answered; the process that advances the run takes it from here."),
        (gate.expired, f"Nobody answered in time. `runbook resume {run}` asks anew."),
        (viewer is None or not viewer.may_act, f"{READ_ONLY} {roles} can answer."),
        (viewer is not None and not set(gate.roles) & set(viewer.roles), f"Only {roles} can answer."),
        (person in gate.approved_by, "You approved; it waits for somebody else, too."),
        (
            gate.signed,
            "The answer must be signed with a person's key, which a browser does not have. In a terminal:",
        ),
    )
    return next((text for applies, text in objections if applies), "")


def _holds(held: Iterable[Trouble], viewer: Viewer | None) -> Iterator[Ask]:
    """Ask once about all held tasks of a step: they mostly failed for the same reason."""
    objection = "" if may_steer(viewer) else READ_ONLY
    steps: dict[str, list[Trouble]] = {}
    for one in held:
        steps.setdefault(one.step, []).append(one)
    for step, troubles in steps.items():
        tasks = tuple(task for one in troubles for task in one.tasks)
        text = "\n".join(one.reason.strip() for one in troubles[:_MOST_REASONS])
        if len(troubles) > _MOST_REASONS:
            text += f"\n… and {len(troubles) - _MOST_REASONS} more reasons"
        single = len(tasks) == 1
        key = f"hold:{step}:{hash_of(text)}"
        yield Ask("hold", tasks[0] if single else step, key, text, objection, tasks=() if single else tasks)


def _doubts(status: RunStatus, viewer: Viewer | None) -> Iterator[Ask]:
    objection = "" if may_steer(viewer) else READ_ONLY
    for one in status.troubles:
        if one.state == "in doubt":
            yield Ask("doubt", one.task, f"doubt:{one.task}", one.reason, objection)


def hash_of(text: str) -> str:
    """Give a short name of a text, the same in each process."""
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:8]
