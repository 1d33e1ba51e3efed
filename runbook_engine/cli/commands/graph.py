"""runbook graph: a drawing of the steps."""

from collections.abc import Callable
from pathlib import Path

import click

from runbook_engine.app.find_run import find_run
from runbook_engine.app.graph import load_graph
from runbook_engine.app.project import open_project
from runbook_engine.app.status import outcomes_by_step
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import out_option, runbook_argument
from runbook_engine.cli.output_file import write_result
from runbook_engine.model.step_graph import StepGraph
from runbook_engine.reporting.graph_formats import as_dot, as_mermaid, as_text
from runbook_engine.reporting.graph_svg import as_svg

_FORMATS: dict[str, Callable[[StepGraph], str]] = {
    "text": as_text,
    "mermaid": as_mermaid,
    "dot": as_dot,
    "svg": as_svg,
    "json": lambda graph: graph.model_dump_json(indent=2),
}


@documented
@runbook_argument
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), default="text", show_default=True, help="How.")
@click.option("--run", "run_name", metavar="RUN", help="Colour the steps by how they ended in this run.")
@out_option
def graph(name: str, form: str, run_name: str | None, out: Path | None) -> None:
    """Draw a runbook's steps and what they wait for.

    Examples:
      runbook graph region-failover
      runbook graph region-failover --format svg --run last -o failover.svg
    """
    project = open_project()
    run, outcomes = "", None
    if run_name is not None:
        journal = project.journal()
        try:
            run = find_run(journal, run_name).id
            outcomes = outcomes_by_step(journal, run)
        finally:
            journal.close()
    write_result(_FORMATS[form](load_graph(project, name, run=run, outcomes=outcomes)), out)
