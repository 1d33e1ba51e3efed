"""Events of a run as a whole: opened, taken by a process, closed."""

from datetime import datetime
from typing import Literal

from runbook_engine.model.base import Frozen
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Mode, Outcome
from runbook_engine.model.runbook import Objectives


class Actor(Frozen):
    """Who or what made an event.

    Attributes:
        kind: `engine` (the holder of the lease) or `person`.
        name: the person's id in team.yml, or the operating system's user name when the team doesn't know them.
        os_user: the operating system's user, whatever name was claimed.
        host: name of the machine it was said on.
    """

    kind: Literal["engine", "person"] = "person"
    name: str
    os_user: str = ""
    host: str = ""


class StepSummary(Frozen):
    """What run.opened keeps of each step, so that a later plan can be compared with this one.

    Attributes:
        kind: what the step is for: it changes something, verifies, asks a person, or tells somebody.
        needs: ids of the steps it waits for; `x@target` where it does so target by target.
    """

    id: str
    action: str = ""
    kind: Literal["change", "verification", "gate", "message"] = "change"
    digest: str
    tasks: int
    targets_digest: str
    needs: tuple[str, ...] = ()


class RunOpened(Frozen):
    """A run begins. `previous_run` and `previous_hash` tie this run's chain to the one opened before it.

    `previous_pruning` is the hash of the newest record that a run was pruned; None when none was.

    Attributes:
        limit: as it was typed.
        limit_hosts: the hosts that it stood for, when it named a file or an earlier run (`@hosts.txt`, `@failed`).
        live_inventory: why a drill may run on an inventory that is not marked as a drill's; empty for any other run.
        reverts: id of the run whose changes this one takes back; empty for any other run.
        continues: id of the earlier run whose good ends count in this one; empty for any other run.
        readiness: it is the dry run of `runbook readiness`; what that finds besides follows after its end.
        policy: ids of the controls that the runbook implements.
        files: SHA-256 of the files that the plan was made from, and of those that its steps read, by path.
        step_files: those of them that only steps read: scripts, templates, files to copy.
    """

    kind: Literal["run.opened"] = "run.opened"
    schema_version: int = 1
    runbook: str
    title: str = ""
    runbook_path: str = ""
    inventory: str
    inventory_sources: tuple[str, ...] = ()
    mode: Mode
    inputs: JsonObject = {}
    limit: str | None = None
    limit_hosts: tuple[str, ...] = ()
    skip: dict[str, str] = {}
    note: str = ""
    reverts: str = ""
    continues: str = ""
    readiness: bool = False
    live_inventory: str = ""
    fingerprint: str
    files: dict[str, str] = {}
    step_files: tuple[str, ...] = ()
    git_commit: str | None = None
    git_dirty: bool | None = None
    engine_version: str
    plugins: dict[str, str] = {}
    objectives: Objectives = Objectives()
    policy: tuple[str, ...] = ()
    steps: tuple[StepSummary, ...] = ()
    tasks: int = 0
    forks: int = 0
    previous_run: str | None = None
    previous_hash: str | None = None
    previous_pruning: str | None = None


class LeaseTaken(Frozen):
    """A process got the right to advance the run; `fence` grows by one each time.

    Attributes:
        machine: name of the machine that makes the attempts from here on, the same over its boots.
        signers: fingerprints of the keys that team.yml has now, by person; a signed decision is held against them.
    """

    kind: Literal["lease.taken"] = "lease.taken"
    holder: str
    fence: int
    took_over: bool = False
    machine: str = ""
    signers: dict[str, tuple[str, ...]] = {}


INTERRUPTED = "interrupted by the operator"


class LeaseLost(Frozen):
    """The holder gave the right back (or knows that it lost it).

    Attributes:
        reason: why; `INTERRUPTED`, or what the run waits for.
    """

    kind: Literal["lease.lost"] = "lease.lost"
    fence: int
    reason: str = ""


class PlanAccepted(Frozen):
    """A resumed run goes on with a plan that differs from the one it was opened with; `files` as in `RunOpened`."""

    kind: Literal["plan.accepted"] = "plan.accepted"
    fingerprint: str
    before: str
    difference: tuple[str, ...] = ()
    files: dict[str, str] = {}
    step_files: tuple[str, ...] = ()
    steps: tuple[StepSummary, ...] = ()


class RevertDue(Frozen):
    """A step with `on_failure: revert` failed: the run ends, and what it changed is taken back by a run of its own.

    Attributes:
        task: the task whose failure was one too many; `reason` says how it failed.
    """

    kind: Literal["revert.due"] = "revert.due"
    step: str
    task: str
    reason: str = ""


class Clocks(Frozen):
    """When the recovery passed its marks; each is None until then."""

    declared: datetime | None = None
    decided: datetime | None = None
    recovered: datetime | None = None
    verified: datetime | None = None


class RunClosed(Frozen):
    """The run is over.

    Attributes:
        status: `succeeded`, `failed`, `aborted`.
        rta, rpa: recovery time and recovery point achieved, in seconds; None when they can't be told.
        proven: share (0 to 1) of the tasks that a dry run proved.
        drifted: tasks that ended well, were found otherwise later, and were not done again.
    """

    kind: Literal["run.closed"] = "run.closed"
    status: Literal["succeeded", "failed", "aborted"]
    clocks: Clocks = Clocks()
    rta: float | None = None
    rpa: float | None = None
    proven: float | None = None
    counts: dict[Outcome, int] = {}
    drifted: int = 0
