"""runbook runs: the journal's runs, and pruning old ones."""

import sys
from datetime import timedelta

import click

from runbook_engine.app.project import actor, check_person, open_project
from runbook_engine.app.run_log import remove_logs
from runbook_engine.app.status import RunLine, list_runs
from runbook_engine.cli.documented import DocumentedGroup
from runbook_engine.cli.options import DurationType, output_option, person_option
from runbook_engine.cli.terminal import ask, can_ask, columns_of, result, result_json, say, table
from runbook_engine.model.errors import ExitCode, NoJournalError, UsageError
from runbook_engine.ports.journal import Pruning, RunHead

_MOST = 1_000_000


@click.group(cls=DocumentedGroup, invoke_without_command=True)
@click.option(
    "-n", "--number", type=click.IntRange(0, _MOST), default=20, show_default=True, help="How many; 0 lists all."
)
@output_option("text", "json")
@click.pass_context
def runs(context: click.Context, number: int, output: str) -> None:
    """List the journal's runs, newest first.

    Examples:
      runbook runs
      runbook runs -n 0 --output json
      runbook runs prune --older-than 400d --dry-run
    """
    if context.invoked_subcommand is not None:
        return
    found = _found(number)
    if output == "json":
        result_json([line.model_dump(mode="json") for line in found])
        return
    head = ("run", "status", "mode", "inventory", "started", "by")
    if found:
        result(table(head, [_row(line) for line in found], columns=columns_of(sys.stdout)))


@runs.command()
@click.option(
    "--older-than", type=DurationType(), metavar="TIME", help="Only runs that ended so long ago, such as 400d."
)
@click.option("--keep", type=click.IntRange(0, _MOST), metavar="N", help="Never the newest N runs.")
@click.option("--include-failed", is_flag=True, help="Also runs that failed and could still be resumed.")
@click.option("--dry-run", is_flag=True, help="Only say which runs would go.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--reason", default="", metavar="TEXT", help="Kept in the record of the pruning.")
@person_option
@output_option("text", "json")
def prune(
    older_than: timedelta | None,
    keep: int | None,
    reason: str,
    person: str | None,
    output: str,
    *,
    include_failed: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Remove the events and the captured output of old runs.

    A run that was pruned stays in the list, with how it ended. Who pruned it, when and why is recorded, and `runbook
    audit verify` tells it apart from damage. Nothing brings the events back: export the run's report first if somebody
    may ask for it. Runs that are not over stay, and so do the newest run of each runbook, inventory and mode, and the
    newest of these that succeeded.

    Examples:
      runbook runs prune --older-than 400d --dry-run
      runbook runs prune --older-than 400d --keep 50 --yes --reason "retention of 13 months"
    """
    from runbook_engine.app import prune as use_case

    retention = use_case.Retention(older_than, keep, failed=include_failed)
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        choice = use_case.preview(journal, retention)
        stay, done, left = choice.stay, use_case.Pruned((), ()), choice.go
        if choice.go and not dry_run and (yes or _confirmed(choice.go)):
            text = f"{retention}: {reason}" if reason else str(retention)
            done, left = use_case.prune(journal, choice.go, actor(project.team, person), text), ()
            stay += done.refused
            remove_logs(project, (one.run for one in done.done))
    finally:
        journal.close()
    if output == "json":
        _print_json(left, done.done, stay)
    else:
        _print(left, done.done, stay)
    if done.trouble:
        say(f"pruned, but {done.trouble}")
    return ExitCode.FAILED if left and not dry_run else ExitCode.OK


def _found(number: int) -> list[RunLine]:
    journal = open_project().glance()
    try:
        found = list_runs(journal, limit=number)
    except NoJournalError as error:
        say(error.message)
        return []
    finally:
        journal.close()
    if not found:
        say("no runs yet")
    return found


def _row(line: RunLine) -> tuple[str, ...]:
    started = f"{line.started_at.astimezone():%Y-%m-%d %H:%M}"
    return (line.id, f"{line.status}, pruned" if line.pruned else line.status, line.mode, line.inventory, started,
            line.operator)  # fmt: skip


def _confirmed(go: tuple[RunHead, ...]) -> bool:
    if not can_ask():
        raise UsageError(
            f"{len(go)} runs would lose their events for good, and nobody can be asked here",
            hint="add --yes when that is what you want, or --dry-run to only look",
        )
    return ask(f"remove the events and captured output of {len(go)} runs for good, the oldest {go[0].id}?")


def _print_json(left: tuple[RunHead, ...], done: tuple[Pruning, ...], stay: tuple[tuple[RunHead, str], ...]) -> None:
    pruned = [
        {
            "run": one.run, "at": one.at.isoformat(), "by": one.actor.name, "reason": one.reason,
            "events": one.events, "outputs": one.outputs, "output_bytes": one.output_bytes,
        }
        for one in done
    ]  # fmt: skip
    would = [{"run": head.id, "status": head.status, "events": head.events} for head in left]
    result_json({"pruned": pruned, "would": would, "kept": [{"run": head.id, "why": why} for head, why in stay]})


def _print(left: tuple[RunHead, ...], done: tuple[Pruning, ...], stay: tuple[tuple[RunHead, str], ...]) -> None:
    for head in left:
        result(f"would go: {head.id}  {head.status}, {head.mode}, {head.events} events")
    for one in done:
        result(f"pruned: {one.run}  {one.events} events, {one.output_bytes} bytes of output")
    for head, why in stay:
        say(f"kept: {head.id}: {why}")
    if not left and not done:
        say("nothing to prune")
