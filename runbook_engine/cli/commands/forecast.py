"""runbook forecast: how long a run will take."""

import sys

import click

from runbook_engine.app.forecast import forecast as make_forecast
from runbook_engine.app.forecast import suppose_all
from runbook_engine.app.history import open_history
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.cli.documented import documented
from runbook_engine.cli.findings import say_notes
from runbook_engine.cli.forecast_text import counted, in_short, time_text
from runbook_engine.cli.options import forks_option, output_option, plan_options, runbook_argument
from runbook_engine.cli.plain_text import plain
from runbook_engine.cli.terminal import columns_of, result, result_json, table
from runbook_engine.model.errors import ExitCode
from runbook_engine.model.forecast import Forecast, StepForecast

_HUNDRED = 100


@documented
@runbook_argument
@plan_options
@forks_option
@click.option("--runs", type=click.IntRange(1, 1000), default=20, show_default=True, help="By the newest so many runs.")
@click.option(
    "--what-if",
    "supposed",
    multiple=True,
    metavar="STEP=fails|TIME|Nx",
    help="Suppose that a step fails, that a task of it takes so long, or N times as long; may be repeated.",
)
@click.option("--strict", is_flag=True, help="End with 1 when the runbook's rto is not known to be met in 9 of 10.")
@output_option("text", "json")
def forecast(
    name: str,
    inventories: tuple[str, ...],
    extra_vars: tuple[str, ...],
    limit: str | None,
    forks: int | None,
    runs: int,
    supposed: tuple[str, ...],
    strict: bool,
    output: str,
) -> int:
    """Say how long a run will take, and which steps make it so long; touches no target.

    The plan is tried out on paper many times, with `needs`, batches, limits and forks as in a real run. What a task
    takes is drawn from what it took in earlier live runs and drills (waiting for people included), or is the step's
    `takes`. Steps that nothing is known of are named; they count nothing, or, in the figure after "at most", their
    timeout; whether the objective would be met can't be told then. A run that fails meets none. A damaged record of
    an earlier run is refused.

    Examples:
      runbook forecast region-failover -i drill -e incident=INC-42
      runbook forecast region-failover --what-if restore-db=2x --what-if declare=5m
      runbook forecast region-failover --what-if switch-dns=fails --output json
    """
    project = open_project()
    request = PlanRequest(runbook=name, inventories=inventories, extra_vars=extra_vars, limit=limit)
    prepared = prepare_plan(project, request)
    say_notes(prepared.notes)
    plan = prepared.plan
    told = make_forecast(
        plan,
        open_history(project.journal, plan.runbook.name, runs),
        forks=forks or project.config.forks,
        supposed=suppose_all(supposed, plan),
    )
    if output == "json":
        result_json(told.model_dump(mode="json"))
    else:
        result("\n".join(map(plain, _lines(told))))
    missed = told.rto is not None and (told.within_rto is None or told.within_rto < 0.9)  # noqa: PLR2004 - as the help says
    return ExitCode.FAILED if strict and missed else ExitCode.OK


def _lines(told: Forecast) -> list[str]:
    where = f"by {counted(told.runs, 'earlier run')}" if told.runs else "by no earlier run"
    more = f" if {', '.join(told.supposed)}" if told.supposed else ""
    lines = [f"{told.runbook} on {told.inventory}: {in_short(told)}{more}"]
    if told.unknown:
        most = f"; at most {time_text(told.at_most)} by their timeouts" if told.at_most is not None else ""
        lines.append(f"nothing is known of {', '.join(told.unknown)}, which count nothing{most}")
    lines.append(f"{_within(told)}{told.trials} trials, {where}")
    if told.blocked:
        lines.append(f"would not be done: {', '.join(told.blocked)}")
    lines.append(f"critical path: {' → '.join(told.critical_path)}")
    rows = [_row(one) for one in told.steps]
    return [
        *lines,
        "",
        *table(
            ("step", "takes", "9 of 10", "over after", "critical", "by"), rows, columns=columns_of(sys.stdout)
        ).splitlines(),
    ]


def _within(told: Forecast) -> str:
    if told.rto is None or told.within_rto_at_most is None:
        return ""
    objective = f"within the objective of {time_text(told.rto)} in"
    if told.fails:
        return f"{objective} 0% (the run would fail) of "
    if told.within_rto is None:
        return f"{objective} at most {told.within_rto_at_most:.0%}, as far as is known, of "
    return f"{objective} {told.within_rto:.0%} of "


def _row(one: StepForecast) -> tuple[str, ...]:
    measured = counted(one.samples, "task")
    by = {"history": measured, "hint": "takes", "supposed": "supposed", "none": "nothing"}[one.source]
    known = one.source != "none"
    return (
        one.id,
        time_text(one.p50) if known else "?",
        time_text(one.p90) if known else "?",
        time_text(one.ends_p50) if one.ends_p50 is not None else "never",
        f"{one.critical * _HUNDRED:.0f} %",
        by,
    )
