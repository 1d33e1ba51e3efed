"""`--from-run` for what only looks: a plan that goes by what a run of another runbook did."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from runbook_engine.app.prepare import PlanRequest
from runbook_engine.app.project import OpenProject
from runbook_engine.cli.terminal import say
from runbook_engine.model.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])


def earlier_run_option(command: F) -> F:
    """Add `--from-run`: the run of another runbook that this one goes by."""
    return click.option(
        "--from-run",
        metavar="RUN",
        help="The run of another runbook that this one goes by (a failback by its failover); becomes the input of type "
        "run.",
    )(command)


def with_earlier_run(project: OpenProject, request: PlanRequest, name: str | None) -> PlanRequest:
    """Put what an earlier run did into a request; without `-i` its inventory counts. Nothing is changed by it.

    Raises:
        UsageError: there is no such run, it is of the same runbook, or nothing can go by it.
    """
    if name is None:
        return request
    from runbook_engine.app.earlier_run import read_earlier_run
    from runbook_engine.app.find_run import find_run
    from runbook_engine.model.outcome import Mode

    journal = project.journal()
    try:
        head = find_run(journal, name)
        if head.runbook == project.runbook_path(request.runbook).stem:
            raise UsageError(
                f"run {head.id} is of {head.runbook} itself",
                hint="name a run of the runbook that it goes by; what a run left to do, `runbook run --from-run` plans",
            )
        opened, known = read_earlier_run(journal, head.id, Mode.DRY_RUN)
    finally:
        journal.close()
    say(f"goes by run {head.id} of {head.runbook}")
    return replace(request, from_run=known, inventories=request.inventories or opened.inventory_sources)
