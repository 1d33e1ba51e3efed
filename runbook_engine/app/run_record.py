"""What the journal keeps of a plan: when a run is opened with it, and when a resumed run goes on with another."""

from typing import Literal

from runbook_engine import version
from runbook_engine.app.git import git_state
from runbook_engine.app.prepare import PreparedPlan
from runbook_engine.app.project import OpenProject
from runbook_engine.app.run_requests import RunRequest
from runbook_engine.execution.state import RunState
from runbook_engine.loading.folder import real_path
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.event import PlanAccepted, RunOpened, StepSummary
from runbook_engine.model.json import digest
from runbook_engine.model.plan import Plan
from runbook_engine.model.runbook import Objectives
from runbook_engine.ports.action import Gate
from runbook_engine.ports.catalog import Catalog


def opened_event(project: OpenProject, request: RunRequest, prepared: PreparedPlan, forks: int) -> RunOpened:
    """Give the event that opens a run: everything that decides what it does, and where that came from."""
    plan, git = prepared.plan, git_state(project.root)
    root = real_path(project.root)

    def relative(path: object) -> str:
        text = str(path)
        return text.removeprefix(f"{root}/")

    return RunOpened(
        runbook=plan.runbook.name,
        title=plan.runbook.title,
        runbook_path=relative(prepared.path),
        inventory=plan.inventory.name,
        inventory_sources=tuple(relative(path) for path in prepared.inventory_paths),
        mode=request.mode,
        inputs=plan.scopes[0].inputs,
        limit=request.plan.limit,
        limit_hosts=prepared.limit_hosts,
        skip=dict(request.skip),
        note=request.note,
        live_inventory=request.live_inventory,
        reverts=prepared.past.run.id if prepared.past else "",
        continues=request.continues,
        readiness=request.readiness,
        fingerprint=plan.fingerprint,
        files=dict(prepared.files),
        step_files=prepared.step_files,
        git_commit=git.commit,
        git_dirty=git.dirty,
        engine_version=version(),
        plugins=dict(project.catalog.versions()),
        objectives=Objectives() if prepared.past else plan.runbook.objectives,
        policy=plan.runbook.policy,
        steps=summaries(plan, project.catalog),
        tasks=len(plan.tasks),
        forks=forks,
    )


def summaries(plan: Plan, catalog: Catalog) -> tuple[StepSummary, ...]:
    """Give what the journal keeps of each step."""
    found = []
    # (Thousands of steps have the same few targets, and a digest of them takes longer than all the rest.)
    digests: dict[tuple[str, ...], str] = {}
    for step in plan.steps:
        targets = digests.get(step.targets)
        if targets is None:
            targets = digests[step.targets] = digest(list(step.targets))
        name = step.step.action.name if step.step.action else ""
        found.append(
            StepSummary(
                id=step.id,
                action=name,
                kind=_kind(name, catalog),
                digest=step.digest,
                tasks=sum(step.batches),
                targets_digest=targets,
                needs=tuple(f"{need.step}@target" if need.per_target else need.step for need in step.needs),
            )
        )
    return tuple(found)


def _kind(name: str, catalog: Catalog) -> Literal["change", "verification", "gate", "message"]:
    action = catalog.get(name)
    if isinstance(action, Gate):
        return "change" if action.by_hand else "gate"
    if name.startswith("notify."):
        return "message"
    return "change" if hasattr(action, "apply") else "verification"


def accepted_changes(
    state: RunState, plan: Plan, prepared: PreparedPlan, catalog: Catalog, *, accept: bool
) -> PlanAccepted | None:
    """Refuse a plan that is not the one that was run, unless told otherwise; say what differs."""
    if plan.fingerprint == state.fingerprint:
        return None
    before = {step.id: step for step in state.steps}
    now = {step.id: step for step in summaries(plan, catalog)}
    difference = [f"step {name} was removed" for name in before if name not in now]
    difference += [f"step {name} was added" for name in now if name not in before]
    difference += [
        f"step {name} runs on other targets" if before[name].digest == step.digest else f"step {name} was changed"
        for name, step in now.items()
        if name in before and before[name] != step
    ]
    difference = difference or ["variables of the inventory, inputs or vars were changed"]
    if not accept:
        raise InvalidInputError(
            f"the plan is not the one that run {state.run} was opened with: {'; '.join(difference)}",
            hint="put the files back, or go on with the new plan by --accept-changes (it is recorded)",
        )
    return PlanAccepted(
        fingerprint=plan.fingerprint,
        before=state.fingerprint,
        difference=tuple(difference),
        files=dict(prepared.files),
        step_files=prepared.step_files,
        steps=summaries(plan, catalog),
    )
