"""What became of a detached command, by the words in which its scripts tell it."""

import re
from collections.abc import Iterable

from runbook_engine.connections.capture import Capture
from runbook_engine.connections.detached_answer import Answer
from runbook_engine.sdk import CommandLostError, CommandResult, DetachedState, DetachedStatus

LOOK_THERE = "what it did until then is unknown: look on the target, then say so with `runbook resolve`"
_STATUS = re.compile(r"[0-9]{1,9}", re.ASCII)
_DEAD = {DetachedStatus.LOST_KILLED, DetachedStatus.LOST_REBOOT, DetachedStatus.DONE}
_WHY = {
    DetachedStatus.ABSENT: "its folder is gone",
    DetachedStatus.STARTING: "its start was broken off",
    DetachedStatus.RUNNING: "it still runs",
    DetachedStatus.ORPHANS: "its wrapper was killed and its children live on",
    DetachedStatus.LOST_KILLED: "it was killed from outside",
    DetachedStatus.LOST_REBOOT: "the target was rebooted while it ran",
    DetachedStatus.DONE: "its exit status can't be read",
}


def is_over(state: str) -> bool:
    """Tell whether nothing more will come of it, by the state in the scripts' words."""
    return state != "exists" and not state.startswith(("starting", "running", "orphans"))


def state_of(words: str) -> DetachedState:
    """Read a state: `done 3`.

    Raises:
        CommandLostError: the target says something that our scripts never say.
    """
    name, _, status = words.partition(" ")
    status = status.strip()
    if name == DetachedStatus.DONE:
        return DetachedState(DetachedStatus.DONE, int(status) if _STATUS.fullmatch(status) else None)
    try:
        return DetachedState(DetachedStatus(name))
    except ValueError:
        message = f"the target says {words[:40]!r} of the command, which is no state of one"
        raise CommandLostError(message, dead=False, hint=LOOK_THERE) from None


def result_of(name: str, token: str, answer: Answer, *, reattached: bool) -> CommandResult:
    """Give the result of a command that is over.

    Args:
        name: the target's, for messages.
        reattached: it had been started before.

    Raises:
        CommandLostError: nobody can tell how it ended; says whether it is proven dead.
    """
    state = state_of(answer.state)
    if state.status is not DetachedStatus.DONE or state.exit_status is None:
        raise CommandLostError(
            f"{name}: command {token} is lost: {_WHY[state.status]}",
            dead=state.status in _DEAD,
            hint=LOOK_THERE,
        )
    return CommandResult(
        exit_status=state.exit_status,
        stdout=_capped(answer.stdout),
        stderr=_capped(answer.stderr),
        stdout_bytes=len(answer.stdout) + answer.stdout_dropped,
        stderr_bytes=len(answer.stderr) + answer.stderr_dropped,
        reattached=reattached,
    )


def _capped(content: bytes) -> bytes:
    capture = Capture()
    for piece in _pieces(content):
        capture.add(piece)
    return capture.content()


def _pieces(content: bytes) -> Iterable[bytes]:
    return (content[at : at + 65536] for at in range(0, len(content), 65536))
