"""Drives a run in the background: what is said where it was started, and what goes on without a terminal."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runbook_engine.app.project import OpenProject
from runbook_engine.app.run_log import log_path, open_log
from runbook_engine.app.unlock import passphrases
from runbook_engine.cli.background import Foreground, go_to_background
from runbook_engine.cli.driving import Advance, Earlier, Seat, drive
from runbook_engine.cli.terminal import can_ask, result, result_json, say
from runbook_engine.model.plan import Plan
from runbook_engine.ports.journal import Journal


@dataclass(frozen=True, slots=True)
class Away:
    """The run that goes to the background."""

    run: str
    runbook: str
    inventory: str
    mode: str


def drive_detached(
    project: OpenProject,
    seat: Seat,
    away: Away,
    advance: Advance,
    *,
    earlier: Callable[[Journal], Earlier | None] = lambda _: None,
) -> int:
    """Advance a run in a process in the background; gives the exit code of each of the two processes.

    No journal may be open meanwhile: what a process had open before the fork is not for both of them.

    Args:
        earlier: gives the part of the run that is over, when it is resumed.

    Raises:
        RunbookError: in the background: as `drive`, and what is raised before the run is on is said on the terminal.
    """
    side = go_to_background()
    if isinstance(side, Foreground):
        if side.on:
            _tell(project, seat, away, side)
        return side.status
    journal = project.journal(create=True)
    try:
        with side.writing_to(open_log(project, away.run)):
            return drive(project, journal, replace(seat, output="text", away=side), advance, earlier=earlier(journal))
    finally:
        journal.close()


def asked_before(project: OpenProject, plan: Callable[[], Plan]) -> Mapping[Path, str]:
    """Ask for the passphrases that a plan needs, if somebody is there."""
    if not can_ask():
        return {}
    from runbook_engine.cli.secret_prompt import ask_secret

    return passphrases(project, plan(), lambda question: ask_secret(question, lambda: False))


def _tell(project: OpenProject, seat: Seat, away: Away, side: Foreground) -> None:
    """Print the run's id, and say how to follow it and where its lines go."""
    log = log_path(project, away.run)
    told = {
        "id": away.run,
        "runbook": away.runbook,
        "inventory": away.inventory,
        "mode": away.mode,
        "pid": side.pid,
        "log": str(log),
    }
    if seat.output == "text":
        result(away.run)
    elif seat.output == "json":
        result_json(told)
    else:
        result(json.dumps(told, ensure_ascii=True))
    say(f"the run goes on in the background, in process {side.pid}; its lines go to {log}")
    if side.status:
        say("it was interrupted: nothing new is started, and it can be resumed")
    say(f"to see it: runbook watch {away.run}, runbook status {away.run}")
    say(f"to steer it: runbook approve|answer|pause|abort {away.run}")
