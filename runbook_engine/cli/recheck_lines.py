"""Lines for a terminal about what was looked at again when a run went on."""

from runbook_engine.model.event import (
    DriftFound,
    Event,
    RecheckFailed,
    RecheckFinished,
    RecheckSkipped,
    RecheckStarted,
)


def looked_again(event: Event) -> tuple[str, str, str] | None:
    """Put in words what a re-check is about, or found; None for any other event."""
    match event:
        case RecheckStarted():
            left = sum(event.left_out.values())
            more = f"; {left} more are not looked at" if left else ""
            many = "1 task" if len(event.tasks) == 1 else f"{len(event.tasks)} tasks"
            return ("re-check", "", f"looking again at {many} that ended well{more}")
        case DriftFound():
            seen = event.finding.summary or "not as the run left it"
            return ("DRIFTED", event.task, f"{seen} (ended {event.outcome.value}, nothing was done about it)")
        case RecheckFailed():
            return ("unchecked", event.task, f"could not be looked at again: {event.reason}")
        case RecheckFinished():
            return ("re-check", "", _found(event))
        case RecheckSkipped():
            return ("re-check", "", f"none: {event.reason}")
        case _:
            return None


def _found(event: RecheckFinished) -> str:
    parts = [
        (event.as_it_was, "as they were"),
        (event.drifted, "drifted"),
        (event.cannot_tell, "that no check can tell of"),
        (event.failed, "could not be looked at"),
    ]
    found = ", ".join(f"{number} {words}" for number, words in parts if number) or "nothing to tell"
    return f"{found}; broken off" if event.interrupted else found
