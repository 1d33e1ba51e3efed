"""The options that several commands share, so that they are called and explained the same everywhere."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from runbook_engine.model.errors import UsageError
from runbook_engine.model.names import parse_duration

F = TypeVar("F", bound=Callable[..., Any])


def plan_options(command: F) -> F:
    """Add what decides a plan: inventories, inputs, limit."""
    for option in (
        limit_option,
        click.option(
            "-e",
            "--extra-vars",
            "extra_vars",
            multiple=True,
            metavar="NAME=VALUE|@FILE",
            help="An input of the runbook, or a file of inputs; may be repeated, the last one counts.",
        ),
        inventory_option,
    ):
        command = option(command)
    return command


def limit_option(command: F) -> F:
    """Add `--limit`."""
    return click.option(
        "-l",
        "--limit",
        metavar="PATTERN",
        shell_complete=_complete_limit,
        help="Only these targets: a host pattern, in which @FILE stands for the lines of a file, @failed for the "
        "hosts that failed in the last run of the runbook, @failed:RUN for those of another run.",
    )(command)


def inventory_option(command: F) -> F:
    """Add `--inventory`."""
    option = click.option(
        "-i",
        "--inventory",
        "inventories",
        multiple=True,
        metavar="NAME|PATH",
        shell_complete=_complete("inventories"),
        help="The inventory; may be repeated, later ones add to and overrule earlier ones.",
    )
    return option(command)


def output_option(*choices: str, default: str = "text") -> Callable[[F], F]:
    """Add `--output`."""
    return click.option(
        "--output", type=click.Choice(choices), default=default, show_default=True, help="How the result is written."
    )


def person_option(command: F) -> F:
    """Add `--as`: who speaks."""
    option = click.option(
        "--as",
        "person",
        metavar="PERSON",
        envvar="RUNBOOK_OPERATOR",
        help="Who speaks, a person of team.yml; the operating system's user is recorded besides.",
    )
    return option(command)


def reason_option(*, required: bool = False) -> Callable[[F], F]:
    """Add `--reason`: why a person says what they say."""
    text = "Why; kept in the journal."
    if required:  # a default, even None, would count as given
        return click.option("--reason", required=True, metavar="TEXT", help=text)
    return click.option("--reason", default="", metavar="TEXT", help=text)


def skip_option(command: F) -> F:
    """Add `--skip`: steps that are left out."""
    text = "Don't do this step; needs its own --reason each time."
    return click.option("--skip", multiple=True, metavar="STEP", help=text)(command)


def reasons_option(text: str = "Why: for each --skip, in order.") -> Callable[[F], F]:
    """Add `--reason`, as often as there are `--skip`."""
    return click.option("--reason", multiple=True, metavar="TEXT", help=text)


def paired(steps: tuple[str, ...], reasons: tuple[str, ...]) -> dict[str, str]:
    """Pair each skipped step with its reason.

    Raises:
        UsageError: there are not as many of both, or a reason is blank.
    """
    if len(steps) != len(reasons) or not all(text.strip() for text in reasons):
        raise UsageError(
            f"{len(steps)} times --skip and {len(reasons)} times --reason: each skipped step needs its own reason",
            hint='--skip STEP --reason "why"',
        )
    return dict(zip(steps, reasons, strict=True))


def waiting_options(command: F) -> F:
    """Add `--wait` and `--detach`: what becomes of a run that needs an answer from elsewhere."""
    for option in (
        click.option(
            "--detach",
            is_flag=True,
            help="Go on in the background, waiting as with --wait; prints the run's id once it is on.",
        ),
        click.option(
            "--wait", is_flag=True, help="Wait at gates for an answer from elsewhere, in place of ending with 4."
        ),
    ):
        command = option(command)
    return command


def quiet_option(command: F) -> F:
    """Add `--quiet`: no word of what goes well."""
    return click.option(
        "-q",
        "--quiet",
        is_flag=True,
        help="On stderr tell only what failed, what waits for people, and warnings; no plan, no live view.",
    )(command)


def forks_option(command: F) -> F:
    """Add `--forks`."""
    return click.option(
        "--forks", type=click.IntRange(1, 10_000), metavar="N", help="Greatest number of tasks at once."
    )(command)


class NamedPath(click.Path):
    """A path that has a name: an empty one (`-o "$UNSET"`) would be taken for the current folder."""

    def __init__(self, *, file_okay: bool = True) -> None:
        super().__init__(path_type=Path, file_okay=file_okay)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty path."""
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


class DurationType(click.ParamType[timedelta]):
    """A duration as a runbook writes it, such as `400d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def out_option(command: F) -> F:
    """Add `--out`: a file in place of standard output."""
    return click.option("-o", "--out", type=NamedPath(), metavar="FILE", help="Write to a file.")(command)


def runbook_argument(command: F) -> F:
    """Add NAME: a runbook's name or path."""
    return click.argument("name", shell_complete=_complete("runbooks"))(command)


def run_argument(*, required: bool = True) -> Callable[[F], F]:
    """Add RUN: a run's id, the beginning of one, or `last`."""
    return click.argument("run", required=required)


def _complete_limit(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete what stands for the hosts that failed; names of hosts would need the inventory to be loaded."""
    return [CompletionItem("@failed")] if begun and "@failed".startswith(begun) else []


def _complete(folder: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Complete names from a folder of the project that the current folder belongs to."""

    def complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        here = Path.cwd()
        root = next((up for up in (here, *here.parents) if (up / "runbook.toml").is_file()), None)
        if root is None or not (root / folder).is_dir():
            return []
        names: Sequence[str] = sorted(
            path.stem if path.is_file() else path.name for path in (root / folder).iterdir() if path.name[0] != "."
        )
        return [CompletionItem(name) for name in names if name.startswith(begun)]

    return complete
