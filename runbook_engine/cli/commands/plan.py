"""runbook plan: what a run would do."""

import sys

from runbook_engine.app.forecast import forecast
from runbook_engine.app.history import History, open_history
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.queues import unserved
from runbook_engine.app.show_plan import show_plan
from runbook_engine.app.survivability import survivability
from runbook_engine.cli.documented import documented
from runbook_engine.cli.earlier import earlier_run_option, with_earlier_run
from runbook_engine.cli.findings import say_findings, say_notes
from runbook_engine.cli.options import output_option, plan_options, runbook_argument
from runbook_engine.cli.plan_view import plan_text
from runbook_engine.cli.terminal import columns_of, result, result_json, say
from runbook_engine.model.errors import JournalError

_RUNS = 20  # earlier runs that the forecast goes by


@documented
@runbook_argument
@plan_options
@earlier_run_option
@output_option("text", "json")
def plan(
    name: str,
    inventories: tuple[str, ...],
    extra_vars: tuple[str, ...],
    limit: str | None,
    from_run: str | None,
    output: str,
) -> None:
    """Show what a run would do, in which order; touches no target.

    Examples:
      runbook plan region-failover -i demo -e incident=INC-42
      runbook plan region-failover -e @incident.yml --output json
      runbook plan region-failback --from-run 20261123-0855 -e incident=INC-42
    """
    project = open_project()
    request = PlanRequest(runbook=name, inventories=inventories, extra_vars=extra_vars, limit=limit)
    prepared = prepare_plan(project, with_earlier_run(project, request, from_run))
    say_findings([*prepared.warnings, *survivability(project, prepared), *unserved(project, prepared.plan)])
    say_notes(prepared.notes)
    view = show_plan(prepared.plan, project.catalog)
    try:
        history = open_history(project.journal, view.runbook, _RUNS)
    except JournalError as error:
        say(f"earlier runs can't be read, and the forecast goes without them: {error.message}")
        history = History()
    if history.runs or any(step.step.takes for step in prepared.plan.steps):
        view = view.model_copy(update={"forecast": forecast(prepared.plan, history, forks=project.config.forks)})
    if output == "json":
        result_json(view.model_dump(mode="json"))
    else:
        result(plan_text(view, columns=columns_of(sys.stdout)))
