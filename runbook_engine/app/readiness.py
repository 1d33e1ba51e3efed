"""The use case `readiness`: would the runbook work today; a dry run, and what AWS says of permissions and quotas."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from runbook_engine.app.cloud import aws_session
from runbook_engine.app.iam_needs import needs_of
from runbook_engine.app.iam_secrets import secret_needs
from runbook_engine.app.permissions import ask_permissions
from runbook_engine.app.prechecks import precheck
from runbook_engine.app.prepare import PreparedPlan
from runbook_engine.app.project import OpenProject
from runbook_engine.app.quotas import NotLooked, StepAddition, ask_quotas, at_most, unknown_additions
from runbook_engine.app.readiness_history import Look, changes, look_before
from runbook_engine.app.readiness_steps import file_findings, message_findings, step_findings
from runbook_engine.app.report import make_report
from runbook_engine.app.run_secrets import parsed, references
from runbook_engine.app.secret_expiry import expiry_findings
from runbook_engine.app.survivability import survivability
from runbook_engine.journals.holder import this_machine
from runbook_engine.model.capacity import read_additions
from runbook_engine.model.event import Actor, AttemptFinished, ReadinessAssessed, StoredEvent
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.plan import Plan
from runbook_engine.model.readiness import Level, ReadinessFinding, judge, ordered
from runbook_engine.model.report import RunReport
from runbook_engine.ports.journal import Journal

_NOT_LOOKED = frozenset({Outcome.UNPROVEN, Outcome.BLOCKED})


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a look found, and the look before it.

    Attributes:
        at: when it was recorded.
        report: of the dry run that is a part of it.
        before: None when it is the first, or nothing is left of the others.
    """

    at: datetime
    report: RunReport
    assessed: ReadinessAssessed
    before: Look | None


def assess(
    project: OpenProject,
    prepared: PreparedPlan,
    journal: Journal,
    run: str,
    *,
    opens: Mapping[Path, str] = MappingProxyType({}),
    forks: int | None = None,
) -> Readiness:
    """Judge a readiness run whose dry run is over, ask AWS what a dry run can't see, and record all of it.

    Every question to AWS is a read. What could not be asked is a finding of its own.

    Args:
        opens: passphrases of private keys, by file.
        forks: greatest number of hosts at once; None for the project's.

    Raises:
        JournalError: it can't be recorded.
    """
    plan, report = prepared.plan, make_report(journal, run)
    findings = [
        *step_findings(plan, report),
        *message_findings(report),
        *file_findings(survivability(project, prepared)),
    ]
    if project.config.secrets.expires and report.opened_at is not None:
        asked = references(project, plan)
        known = {text: asked[text] for text in parsed(asked)}
        findings += expiry_findings(project.config.secrets, plan, report.opened_at.date(), known)
    before_all = precheck(project, plan, opens, forks=forks or project.config.forks)
    findings += before_all.findings
    looked_at = {"hosts": before_all.reached} if before_all.reached else {}
    needs = list(needs_of(project, plan))
    secrets = list(secret_needs(project, plan, lambda: aws_session(plan.inventory, project.root).default_region()))
    if needs or secrets:
        session = aws_session(plan.inventory, project.root)
        permissions = ask_permissions(session, [*needs, *secrets])
        added, unreadable = _added(journal.read(run))
        perhaps, unknown = at_most(_not_looked(project, plan, report, unreadable), needs)
        quotas = ask_quotas(session, [*added, *perhaps])
        findings += [*permissions.findings, *quotas.findings, *unknown_additions(unknown)]
        looked_at |= {"permissions": permissions.granted, "quotas": quotas.roomy}
    before = look_before(journal, run)
    found = ordered(findings)
    new, mended = changes(found, before)
    assessed = ReadinessAssessed(
        verdict=judge(found),
        findings=found,
        looked_at=looked_at,
        compared_with=before.run if before is not None else "",
        new=new,
        mended=mended,
    )
    (stored,) = journal.append(run, [assessed], Actor(kind="engine", name="engine", host=this_machine()))
    return Readiness(stored.time, report, assessed, before)


def blamed(look: Readiness, *, strict: bool, new_only: bool) -> list[ReadinessFinding]:
    """Give the findings that the command fails for.

    Args:
        strict: what could not be asked counts, too.
        new_only: what the look before had found does not.
    """
    levels = {Level.MISSING, Level.UNKNOWN} if strict else {Level.MISSING}
    known = look.before is not None and new_only
    return [
        one for one in look.assessed.findings if one.level in levels and (not known or one.what in look.assessed.new)
    ]


def _added(events: Iterator[StoredEvent]) -> tuple[list[StepAddition], set[str]]:
    """Give what the checks of the dry run say would be added, and the steps whose check says it in no form of ours."""
    added: list[StepAddition] = []
    unreadable: set[str] = set()
    for stored in events:
        event = stored.event
        if isinstance(event, AttemptFinished) and event.finding is not None and event.outcome is Outcome.WOULD_CHANGE:
            step = step_of(event.task)
            try:
                added += [StepAddition(step, one) for one in read_additions(event.finding.evidence)]
            except ValueError:
                unreadable.add(step)  # a plugin's own form; it is told as not known
    return added, unreadable


def _not_looked(project: OpenProject, plan: Plan, report: RunReport, unreadable: set[str]) -> Iterator[NotLooked]:
    """Name the steps that may add something, and whose checks could not say how much."""
    for step in report.steps:
        action = project.catalog.get(step.action)
        kinds: Sequence[str] = action.aws_adds if action is not None else ()
        index = plan.step_index.get(step.id)
        if not kinds or index is None:
            continue
        hidden = {Outcome.WOULD_CHANGE} if plan.steps[index].step.sensitive or step.id in unreadable else set()
        tasks = sum(task.outcome in _NOT_LOOKED | hidden for task in step.tasks)
        if tasks:
            yield NotLooked(step.id, tuple(kinds), tasks)
