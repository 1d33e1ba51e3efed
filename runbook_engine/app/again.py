"""The command that runs a runbook anew on the hosts that failed."""

import json
import shlex
from collections.abc import Iterable

from runbook_engine.app.limit import newest_finished
from runbook_engine.app.project import OpenProject
from runbook_engine.model.earlier_run import is_earlier_run
from runbook_engine.model.event import RunOpened
from runbook_engine.model.inventory import LOCALHOST
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.outcome import Mode
from runbook_engine.model.report_tasks import Trouble
from runbook_engine.ports.journal import Glance

_FAILED = {"failed", "unreachable", "in-doubt", "in doubt"}


def failed_again(project: OpenProject, journal: Glance, run: str, troubles: Iterable[Trouble]) -> str:
    """Give the command, with what the run was given; empty when no host failed, or nothing was really done."""
    failed = {host for one in troubles if one.state in _FAILED for host in one.targets} - {LOCALHOST}
    if not failed:
        return ""
    opened = journal.tally(run).events[0].event
    if not isinstance(opened, RunOpened) or opened.mode is Mode.DRY_RUN or opened.reverts:
        return ""
    words = ["runbook", "run", _name(opened)]
    if opened.inventory_sources != (project.config.inventory,):
        words += [word for source in opened.inventory_sources for word in ("-i", source)]
    words += _inputs(opened.inputs)
    if opened.mode is Mode.DRILL:
        words.append("--drill")
    newest = newest_finished(journal, opened.runbook, opened.inventory)
    which = "@failed" if newest is not None and newest.id == run else f"@failed:{run}"
    return f"{shlex.join(words)} --limit {which}"


def _name(opened: RunOpened) -> str:
    """Name the runbook, or its file where that is not in the place for runbooks."""
    usual = {f"runbooks/{opened.runbook}{suffix}" for suffix in (".yml", ".yaml")}
    return opened.runbook if opened.runbook_path in usual else opened.runbook_path


def _inputs(inputs: JsonObject) -> list[str]:
    words = []
    for name, value in inputs.items():
        words += ["--from-run", str(value["id"])] if is_earlier_run(value) else ["-e", f"{name}={_text(value)}"]
    return words


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)
