"""runbook status: where a run stands."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from runbook_engine.app.again import failed_again
from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import OpenProject, open_project
from runbook_engine.app.queues import database, uses_queues
from runbook_engine.app.status import RunStatus, run_status
from runbook_engine.app.workers import WaitingOrder, waiting_orders
from runbook_engine.cli.documented import documented
from runbook_engine.cli.message_lines import audience_line
from runbook_engine.cli.options import output_option, run_argument
from runbook_engine.cli.terminal import result, result_json, say, width_of
from runbook_engine.model.errors import InvalidInputError, JournalError, NoJournalError
from runbook_engine.model.local_time import local_deadline
from runbook_engine.model.names import step_of
from runbook_engine.reporting.inert import one_line
from runbook_engine.reporting.troubles import hosts_in_words, trouble_lines

_MOST_NAMED = 20


@documented
@run_argument(required=False)
@output_option("text", "json")
def status(run: str | None, output: str) -> None:
    """Show where a run stands.

    RUN is an id, the beginning of one, or `last` (the default). Before the first run there is nothing to show.

    Examples:
      runbook status
      runbook status 20261123-1015 --output json
    """
    found, again = _found(run)
    if output == "json":
        result_json(found.model_dump(mode="json") if found else None)
    elif found is not None:
        lines = [*_lines(found), *([f"anew, on the hosts that failed: {again}"] if again else [])]
        result("\n".join([*lines, *(_reached(found) if found.gates else ())]))


def _found(run: str | None) -> tuple[RunStatus | None, str]:
    """Look at the run, and how its failures are done anew; None when none was asked for and there is none yet."""
    project = open_project()
    journal = project.glance()
    try:
        if run is None and not journal.runs(limit=1):
            say("no runs yet")
            return None, ""
        found = run_status(journal, find_run(journal, run or "last"))
        found = _with_queues(project, found)
        return found, failed_again(project, journal, found.id, found.grouped) if found.closed_at else ""
    except NoJournalError as error:
        if run is not None:
            raise
        say(f"no runs yet: {error.message}")
        return None, ""
    finally:
        journal.close()


def _with_queues(project: OpenProject, found: RunStatus) -> RunStatus:
    """Tell tasks that wait for a worker from those that run; the database knows, beside the record."""
    url = database(project.config) if found.running and found.holder else None
    if url is None or not uses_queues(project.config):
        return found
    try:
        orders = waiting_orders(url, found.id)
    except JournalError as error:
        say(f"whether a worker has begun what runs can't be told: {error.message}")
        return found
    return found.model_copy(update={"queued": tuple(one for one in orders if one.task in found.running)})


def _lines(found: RunStatus) -> list[str]:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in found.counts.items())
    since = f"{found.started_at.astimezone():%Y-%m-%d %H:%M:%S}"
    lines = [
        f"{found.id}: {found.status}",
        f"{found.title or found.runbook} · {found.mode.value} on {found.inventory} · by {found.operator}, {since}",
        f"{found.ended} of {found.tasks} tasks ended" + (f": {counts}" if counts else ""),
    ]
    if found.holder:
        lines.append(f"advanced by {found.holder}")
    if found.limit:
        names = f" ({hosts_in_words(found.limit_hosts, _MOST_NAMED)})" if found.limit_hosts else ""
        lines.append(f"limited to {one_line(found.limit)}{names}")
    if found.holder:
        queued = {one.task for one in found.queued}
        lines += _running([task for task in found.running if task not in queued])
        lines += _queued(found.queued)
    lines += _asked(found)
    lines += [audience_line(one) for one in found.audiences]
    if all(len(group.tasks) == 1 for group in found.grouped):
        lines += [f"{trouble.state}: {trouble.task}: {one_line(trouble.reason.strip())}" for trouble in found.troubles]
    else:
        lines += ["did not end well:", *trouble_lines(found.grouped, width=width_of(sys.stdout))]
    if found.taken_back:
        lines.append(
            f"{found.taken_back} failed: what this run changed is taken back, by a run of its own (`runbook runs`)"
        )
    if found.resumable:
        lines.append(f"to go on: runbook resume {found.id}")
    return lines


def _reached(found: RunStatus) -> list[str]:
    """Name the people who can answer what the run waits for; a team that is not valid is told elsewhere."""
    from runbook_engine.app.whom_to_ask import whom_to_ask

    try:
        team = open_project().team
    except InvalidInputError as error:
        return [f"whom to ask is not known: {error.message}"]
    asked = [gate.roles for gate in found.gates if not gate.answered and gate.opens_at is None]
    return [
        f"  {one_line(line)}" for line in dict.fromkeys(line for roles in asked for line in whom_to_ask(team, roles))
    ]


def _asked(found: RunStatus) -> list[str]:
    """Say what people are asked, and what they said of the run as a whole."""
    lines = []
    if found.paused is not None:
        lines.append(f"paused{_reason(found.paused)}; to go on: runbook continue {found.id}")
    if found.aborting is not None:
        lines.append(f"to end{_reason(found.aborting)}")
    for gate in found.gates:
        if gate.expired:
            lines.append(f"expired: {gate.task}: nobody answered; `runbook resume {found.id}` asks anew")
            continue
        who = " or ".join(gate.roles) or "anybody"
        if gate.opens_at is not None:
            lines.append(f"waits: {gate.task} until {gate.opens_at.astimezone():%Y-%m-%d %H:%M}")
            continue
        if gate.by_hand:
            done = "answered" if gate.answered else "waits"
            lines.append(f"{done}: {gate.task} for {who}, to do by hand: {one_line(gate.message.strip())}")
            continue
        until = ""
        if gate.expires_at is not None:
            until = f" until {local_deadline(gate.expires_at, datetime.now(UTC), seconds=True)}"
        asked = one_line(gate.message.strip())
        lines.append(f"waits: {gate.task} for {who} ({len(gate.approved_by)} of {gate.quorum}){until}: {asked}")
    lines += [f"held: {one.task}{_reason(one.reason)}" for one in found.held]
    if found.held:
        lines.append(f"to decide: runbook retry|skip|ignore {found.id} STEP --reason TEXT")
    return lines


def _reason(text: str) -> str:
    return f": {one_line(text.strip())}" if text.strip() else ""


def _queued(orders: Sequence[WaitingOrder]) -> list[str]:
    """Name what waits for a worker, by queue."""
    by_queue: dict[tuple[str, bool], list[str]] = {}
    for one in orders:
        by_queue.setdefault((one.queue, one.served), []).append(one.task)
    return [
        f"waits for a worker of the queue {one_line(queue)}{'' if served else ', which nobody serves'}: "
        f"{hosts_in_words(tasks, _MOST_NAMED)}" + ("" if served else f"; start one: runbook worker --queue {queue}")
        for (queue, served), tasks in by_queue.items()
    ]


def _running(tasks: Sequence[str]) -> list[str]:
    """Name what runs: each task, or where they are many the hosts of each step."""
    if len(tasks) <= _MOST_NAMED:
        return [f"running: {task}" for task in tasks]
    steps: dict[str, list[str]] = {}
    for task in tasks:
        steps.setdefault(step_of(task), []).append(task.partition("@")[2])
    return [f"running: {step}: {len(on)} tasks: {hosts_in_words(on, _MOST_NAMED)}" for step, on in steps.items()]
