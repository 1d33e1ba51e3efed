"""runbook lab: the rehearsal lab, an emulated cloud with an app to fail over."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.request import getproxies, proxy_bypass

import click
from click.shell_completion import CompletionItem

from runbook_engine.cli.documented import DocumentedGroup
from runbook_engine.cli.options import NamedPath, output_option
from runbook_engine.cli.terminal import columns_of, result, result_json, say, table
from runbook_engine.lab.breaks import BREAKAGES, REGIONS, parse
from runbook_engine.lab.errors import LabError
from runbook_engine.model.errors import ExitCode, RunbookError, UsageError

if TYPE_CHECKING:
    from runbook_engine.lab.addresses import LabAddresses

F = TypeVar("F", bound=Callable[..., object])
_FOLDER = ".lab"
_HOURS = 12.0
_RUNBOOK = "region-failover"
_WHAT = "\n".join(f"  {kind.name + (' REGION' if kind.regional else ''):<14} {kind.meaning}" for kind in BREAKAGES)


def state_option(command: F) -> F:
    """Add `--state`: the lab's folder."""
    return click.option(
        "--state",
        type=NamedPath(),
        metavar="DIR",
        help="The lab's folder; by default .lab in the project, or in the current folder without one.",
    )(command)


@click.group(cls=DocumentedGroup)
def lab() -> None:
    """Run the rehearsal lab: an emulated cloud with an app to fail over.

    Two AWS regions, four hosts, a name server, status pages and mail, all of it on this machine and reachable
    from nowhere else. It runs in the background until `down`.

    Examples:
      runbook lab up
      runbook lab break region us-east-1
      runbook run region-failover -i demo -e incident=LAB-1
      runbook lab down
    """


@lab.command()
@state_option
@click.option(
    "--hours",
    type=click.FloatRange(0, 24 * 7, min_open=True),
    default=_HOURS,
    show_default=True,
    help="After so long it ends by itself.",
)
def up(state: Path | None, hours: float) -> None:
    """Start the lab in the background; one that runs stays as it is.

    Example:
      runbook lab up
    """
    from runbook_engine.lab.background import running, up

    folder = _folder(state)
    with _told():
        there = running(folder)
        if there is None:
            say("starting the lab…")
        found = there or up(folder, hours * 3600, lambda: None)
    result(
        f"The lab is {'up already' if there else 'up'}, until {_local(found.expires_at)}. All of it is on this machine."
    )
    result("")
    _show_addresses(found, folder)
    if "http" in getproxies() and not proxy_bypass("127.0.0.1"):
        say("warning: a proxy is set for HTTP, which can't reach this machine's lab: export NO_PROXY=127.0.0.1")


@lab.command()
@state_option
def down(state: Path | None) -> None:
    """End the lab, and remove everything that it made.

    Example:
      runbook lab down
    """
    from runbook_engine.lab.background import down

    folder = _folder(state)
    with _told():
        there = down(folder)
    result("The lab is down; nothing of it is left." if there else f"There is no lab in {folder}.")


@lab.command()
@state_option
@output_option("text", "json")
def status(state: Path | None, output: str) -> int:
    """Show each part of the lab, and what is broken.

    Ends with 1 when no lab is up.

    Examples:
      runbook lab status
      runbook lab status --output json | jq '.broken'
    """
    from runbook_engine.lab.background import running
    from runbook_engine.lab.files import StateFolder
    from runbook_engine.lab.lock import is_held

    folder = _folder(state)
    with _told():
        found = running(folder)
        if found is None:
            word = "starting" if is_held(StateFolder(folder).marker) else "down"
            if output == "json":
                result_json({"state": word, "folder": str(folder), "broken": [], "parts": []})
            else:
                result("The lab is starting." if word == "starting" else "No lab is up; `runbook lab up` starts one.")
            return ExitCode.FAILED
        _show_status(found, folder, output)
    return ExitCode.OK


@lab.command()
@state_option
def env(state: Path | None) -> None:
    """Print shell commands that lead AWS programs to the lab's cloud.

    Runs on the inventory `demo` need none of it: that inventory says where the lab's cloud is.

    Example:
      eval "$(runbook lab env)" && aws rds describe-db-snapshots
    """
    from runbook_engine.lab.files import StateFolder
    from runbook_engine.lab.project_files import shell_environment

    folder = _folder(state)
    with _told():
        result(shell_environment(_running(folder), StateFolder(folder)))


def _complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    words = [kind.name for kind in BREAKAGES] + list(REGIONS)
    return [CompletionItem(word) for word in words if word.startswith(begun)]


@lab.command(name="break")
@click.argument("what", nargs=-1, required=True, shell_complete=_complete)
@state_option
def break_(what: tuple[str, ...], state: Path | None) -> None:
    """Break something in the lab; `mend` mends it.

    Examples:
      runbook lab break region us-east-1
      runbook lab break wrong-data
    """
    _change(what, state, broken=True)


@lab.command()
@click.argument("what", nargs=-1, shell_complete=_complete)
@click.option("--all", "everything", is_flag=True, help="Mend everything that is broken.")
@state_option
def mend(what: tuple[str, ...], everything: bool, state: Path | None) -> None:
    """Mend what `break` broke.

    Examples:
      runbook lab mend region us-east-1
      runbook lab mend --all
    """
    if everything == bool(what):
        raise UsageError("say what is to be mended, or --all", hint="`runbook lab status` shows what is broken")
    if not everything:
        _change(what, state, broken=False)
        return
    with _told():
        from runbook_engine.lab.client import lab_state

        broken = lab_state(_running(_folder(state)))["broken"]
    for words in broken if isinstance(broken, list) else []:
        _change(tuple(str(words).split()), state, broken=False)
    if not broken:
        result("Nothing is broken.")


for _command in (break_, mend):
    _command.help = f"{cleandoc(_command.help or '')}\n\n\b\nWhat can be broken:\n{_WHAT}"


def _change(words: tuple[str, ...], state: Path | None, *, broken: bool) -> None:
    from runbook_engine.lab.client import lab_state, set_broken

    try:
        what = parse(words)
    except LabError as error:
        raise UsageError(error.message, hint=error.hint) from error
    with _told():
        found = _running(_folder(state))
        before = lab_state(found)["broken"]
        after = set_broken(found, what, broken=broken)["broken"]
    word = "broken" if broken else "mended"
    result(f"{what}: {'was so already' if before == after else word}")


def _running(folder: Path) -> LabAddresses:
    from runbook_engine.lab.background import running

    found = running(folder)
    if found is None:
        raise LabError(f"no lab is up in {folder}", "start one with `runbook lab up`")
    return found


def _show_addresses(found: LabAddresses, folder: Path) -> None:
    project = _project()
    rows = [
        ("the app, as visitors see it", f"{found.front_url}/"),
        ("the lab, in a browser", f"{found.status_url}/"),
        ("its mail", f"{found.status_url}/mail"),
        ("its AWS", f"{found.aws_endpoint} (for other programs: `runbook lab env`)"),
        ("its inventory", str(folder / "inventory.yml")),
    ]
    width = max(len(name) for name, _ in rows)
    for name, where in rows:
        result(f"  {name.ljust(width)}  {where}")
    if project is not None and folder == project / _FOLDER and (project / "runbooks" / f"{_RUNBOOK}.yml").is_file():
        result("\nNext:\n  runbook lab break region us-east-1")
        result(f"  runbook run {_RUNBOOK} -i demo -e incident=LAB-1")
        result("  runbook approve last declare --as dana --reason TEXT    (in a second terminal, when it asks)")
    elif folder.name == _FOLDER:
        result("\n`runbook init --lab DIR` makes a project with a runbook for it.")


def _show_status(found: LabAddresses, folder: Path, output: str) -> None:
    from runbook_engine.lab.client import lab_state
    from runbook_engine.lab.probe import look

    parts, broken = look(found), lab_state(found)["broken"]
    if output == "json":
        facts = {"state": "up", "folder": str(folder), "pid": found.pid, "page": found.status_url}
        times = {"started_at": found.started_at.isoformat(), "expires_at": found.expires_at.isoformat()}
        files = {"inventory": str(folder / "inventory.yml"), "aws_config": str(folder / "aws-config")}
        result_json({**facts, **times, **files, "broken": broken, "parts": [asdict(part) for part in parts]})
        return
    result(
        table(
            ("part", "state", "address", ""),
            [(p.name, p.state, p.address, p.text) for p in parts],
            columns=columns_of(sys.stdout),
        )
    )
    listed = ", ".join(map(str, broken)) if isinstance(broken, list) and broken else "nothing"
    result(f"\nbroken: {listed}\nends:   {_local(found.expires_at)}, or with `runbook lab down`")


def _folder(state: Path | None) -> Path:
    return (state or (_project() or Path.cwd()) / _FOLDER).absolute()


def _project() -> Path | None:
    here = Path.cwd()
    return next((up for up in (here, *here.parents) if (up / "runbook.toml").is_file()), None)


def _local(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the lab refuses into an error of the command line."""
    try:
        yield
    except LabError as error:
        raise RunbookError(error.message, hint=error.hint) from error
    except OSError as error:
        raise RunbookError(f"{error.filename or 'the lab'}: {error.strerror}") from error
