"""runbook test: the cases of runbooks, played without any target."""

from collections.abc import Sequence

import click

from runbook_engine.app.cases.run_cases import CaseResult, run_cases
from runbook_engine.app.project import open_project
from runbook_engine.cli.documented import documented
from runbook_engine.cli.terminal import result, result_json, say
from runbook_engine.model.errors import ExitCode
from runbook_engine.reporting.junit_cases import junit_of_cases


@documented
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    show_default=True,
    help="For whom.",
)
def test(names: tuple[str, ...], form: str) -> int:
    """Play the cases of runbooks: unit tests that touch no target.

    A case gives what the attempts of steps come to, what people answer, and what is expected of the run: how it ends,
    outcomes, order, attempts, messages. Planning, conditions, templates, retries, gates, holds and messages are the
    real ones, on a clock of their own, so that hours pass at once. Cases stand in runbooks/tests/NAME.yml. Without
    NAME all of them are played. Ends with 1 when one is not as expected.

    Examples:
      runbook test
      runbook test region-failover
      runbook test --format junit > cases.xml
    """
    found: list[CaseResult] = []
    for one in run_cases(open_project(), names):
        found.append(one)
        if form == "text":
            result(_line(one))
    if form == "json":
        result_json([_json(one) for one in found])
    elif form == "junit":
        click.echo(junit_of_cases([(one.runbook, one.name, one.file, one.problems) for one in found]))
    failed = sum(not one.passed for one in found)
    say(_told(found, failed))
    return ExitCode.FAILED if failed else ExitCode.OK


def _line(one: CaseResult) -> str:
    lines = [f"{'ok    ' if one.passed else 'FAILED'}  {one.runbook}: {one.name}"]
    return "\n".join([*lines, *(f"        {problem}" for problem in one.problems)])


def _told(found: Sequence[CaseResult], failed: int) -> str:
    count = f"{len(found)} {'case' if len(found) == 1 else 'cases'}"
    return f"{count}: {failed} not as expected" if failed else f"{count}: all as expected"


def _json(one: CaseResult) -> dict[str, object]:
    return {
        "runbook": one.runbook,
        "name": one.name,
        "file": one.file,
        "passed": one.passed,
        "problems": list(one.problems),
    }
