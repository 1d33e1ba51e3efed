"""Prechecks of a look at readiness: room on the disk, and a login on each host that the plan works on."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from runbook_engine.app.doctor import space
from runbook_engine.app.project import OpenProject
from runbook_engine.connections.factory import HostConnections, HostSettings, kind_of
from runbook_engine.connections.ssh_settings import SshSettings
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import LOCALHOST
from runbook_engine.model.plan import Plan, PlannedStep
from runbook_engine.model.readiness import Area, Level, ReadinessFinding
from runbook_engine.model.runbook import OnFailure
from runbook_engine.secrets.redaction import SecretRedactor

# Families whose actions work on the target itself; others may only use its name.
_ON_TARGETS = ("archive.", "command.", "file.", "script.", "service.")
_MOST_AT_ONCE = 50


@dataclass(slots=True)
class Prechecked:
    """What the prechecks found, and how many hosts could be logged in to."""

    findings: list[ReadinessFinding] = field(default_factory=list)
    reached: int = 0


def precheck(project: OpenProject, plan: Plan, opens: Mapping[Path, str], *, forks: int) -> Prechecked:
    """Look at the disk, and log in to each host over SSH, whose file tree is looked at and nothing else.

    A dry run reaches a host only where a step's parameters are known beforehand. Hosts by AWS Systems Manager are left
    out: there, to look is to send a command.

    Args:
        opens: passphrases of private keys, by file.
    """
    done = Prechecked()
    for check in space(project):
        if check.level == "wrong":
            done.findings.append(_finding(Level.MISSING, f"{check.name} of this machine", check.text, check.hint, ()))
    hosts = _hosts(plan)
    if not hosts:
        return done
    redactor = SecretRedactor(plan.inventory.secrets)
    connections = HostConnections(HostSettings(ssh=SshSettings(passphrases=opens), folder=project.root))
    try:
        with ThreadPoolExecutor(max_workers=min(forks, len(hosts), _MOST_AT_ONCE)) as pool:
            said = dict(zip(hosts, pool.map(lambda name: _login(connections, plan, name), hosts), strict=True))
    finally:
        connections.close()
    down = {name for name, words in said.items() if words}
    done.reached = len(hosts) - len(down)
    for name in sorted(down):
        steps = hosts[name]
        stops = [step for step in steps if not _tolerates(step, down)]
        hint = "" if stops else "a run would go on without it"
        text = f"{name} can't be logged in to: {redactor.text(said[name])}"
        level = Level.MISSING if stops else Level.NOTE
        done.findings.append(_finding(level, f"login on {name}", text, hint, tuple(step.id for step in stops or steps)))
    return done


def _hosts(plan: Plan) -> dict[str, list[PlannedStep]]:
    """Give the hosts that are reached over SSH, with the steps that work on them."""
    found: dict[str, list[PlannedStep]] = {}
    for step in plan.steps:
        if step.step.action is None or not step.step.action.name.startswith(_ON_TARGETS):
            continue
        for name in step.targets:
            if name != LOCALHOST and _is_ssh(plan, name):
                found.setdefault(name, []).append(step)
    return found


def _is_ssh(plan: Plan, name: str) -> bool:
    try:
        return kind_of(plan.target(name)) == "ssh"
    except RunbookError:
        return True  # the login says what is wrong with it


def _login(connections: HostConnections, plan: Plan, name: str) -> str:
    """Look at a host; gives why that did not work, empty when it did."""
    try:
        connection = connections.open(plan.target(name))
        connection.stat("/")
    except RunbookError as error:
        return error.message or type(error).__name__
    return ""


def _tolerates(step: PlannedStep, down: set[str]) -> bool:
    return step.step.on_failure is OnFailure.CONTINUE or len(down & set(step.targets)) <= step.max_failures


def _finding(level: Level, what: str, text: str, hint: str, steps: tuple[str, ...]) -> ReadinessFinding:
    return ReadinessFinding(level=level, area=Area.MACHINE, what=what, text=text, hint=hint, steps=steps)
