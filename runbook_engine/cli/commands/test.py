"""runbook test: the cases of runbooks, played without any target."""

from collections.abc import Sequence

import click

from runbook_engine.app.cases.run_cases import CaseResult, run_cases
from runbook_engine.app.named_project import named_project
from runbook_engine.app.project import open_project, together
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
    NAME, and with the folder of a project, all of them are played. Ends with 1 when one is not as expected, and with 3
    when one can't be played: its file or its runbook is not valid, or it names what does not exist. That is told at the
    end, and the others are played.

    Examples:
      runbook test
      runbook test region-failover
      runbook test ops/dr
      runbook test --format junit > cases.xml
    """
    found: list[CaseResult] = []
    start, names = named_project(names)
    for one in run_cases(open_project(start), names):
        found.append(one)
        if form == "text":
            result(_line(one))
    if form == "json":
        result_json([_json(one) for one in found])
    elif form == "junit":
        click.echo(
            junit_of_cases([(one.runbook, one.name, one.file, one.problems, one.refused is not None) for one in found])
        )
    refused = [one.refused for one in found if one.refused is not None]
    failed = sum(not one.passed for one in found) - len(refused)
    say(_told(found, failed, len(refused)))
    if refused:
        raise together(refused, f"{len(refused)} cases can't be played")
    return ExitCode.FAILED if failed else ExitCode.OK


def _line(one: CaseResult) -> str:
    mark = "ok    " if one.passed else "FAILED" if one.refused is None else "INVALID"
    lines = [f"{mark}  {one.runbook}: {one.name}"]
    return "\n".join([*lines, *(f"        {problem}" for problem in one.problems)])


def _told(found: Sequence[CaseResult], failed: int, refused: int) -> str:
    count = f"{len(found)} {'case' if len(found) == 1 else 'cases'}"
    told = [f"{failed} not as expected"] if failed else []
    told += [f"{refused} can't be played"] if refused else []
    return f"{count}: {', '.join(told) or 'all as expected'}"


def _json(one: CaseResult) -> dict[str, object]:
    return {
        "runbook": one.runbook,
        "name": one.name,
        "file": one.file,
        "passed": one.passed,
        "invalid": one.refused is not None,
        "problems": list(one.problems),
    }
