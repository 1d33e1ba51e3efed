"""An order as tests need one."""

from runbook_engine.model.inventory import Target
from runbook_engine.model.outcome import Mode
from runbook_engine.ports.dispatcher import AttemptOrder


def an_order(**more) -> AttemptOrder:
    """An order of run `r` for task `s@h`."""
    facts = {
        "run": "r",
        "task": "s@h",
        "step": "s",
        "number": 1,
        "action": "command.run",
        "parameters": {},
        "secrets": {},
        "target": Target(name="h"),
        "mode": Mode.LIVE,
        "runbook": "book",
        "operator": "dana",
        "token": "t",
        "timeout": 60.0,
    }
    return AttemptOrder(**{**facts, **more})
