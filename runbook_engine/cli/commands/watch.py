"""runbook watch: see a run that another process drives."""

from contextlib import ExitStack
from dataclasses import replace

from runbook_engine.app.clock import SystemClock
from runbook_engine.app.find_run import find_run
from runbook_engine.app.follow import Followed, follow, follower
from runbook_engine.app.project import OpenProject, open_project
from runbook_engine.cli.documented import documented
from runbook_engine.cli.driving import Seat, progress_of
from runbook_engine.cli.listeners import EventLines, Listeners
from runbook_engine.cli.options import output_option, quiet_option, run_argument
from runbook_engine.cli.run_end import tell_end
from runbook_engine.cli.terminal import say
from runbook_engine.model.errors import ExitCode
from runbook_engine.ports.journal import Journal
from runbook_engine.ports.listener import Listener


@documented
@run_argument(required=False)
@output_option("text", "json", "ndjson")
@quiet_option
def watch(run: str | None, output: str, quiet: bool) -> int:
    """See a run that another process drives, as if it ran here.

    Tells all that happened so far and what happens from now on, on a terminal also what running tasks printed last, and
    ends when that process ends its part of the run, with the same exit code: 4 when it waits for a person and nobody
    drives it, 130 when it stopped in between. A failed run that is taken back is followed into the run that does it.
    Ctrl-C ends the watching alone. RUN is an id, the beginning of one, or `last` (the default).

    Examples:
      runbook watch
      runbook watch 20261123-1015 --output ndjson
    """
    project = open_project()
    journal = project.journal()
    try:
        head = find_run(journal, run or "last")
        try:
            followed = _watch(project, journal, head.id, Seat(output, quiet=quiet))
        except KeyboardInterrupt:
            say(f"no longer watched; run {head.id} is what it was")
            return ExitCode.INTERRUPTED
        if followed.abandoned:
            say("nobody advances the run: the process that did has ended without a word")
        return tell_end(project, journal, followed.result, output=output, quiet=quiet)
    finally:
        journal.close()


def _watch(project: OpenProject, journal: Journal, run: str, seat: Seat) -> Followed:
    with ExitStack() as stack:
        shown: list[Listener] = [progress_of(stack, project, seat)]
        if seat.output == "ndjson":
            shown.append(EventLines())
        listeners = Listeners(shown)
        clock = SystemClock()
        followed = follow(journal, run, clock, listeners.event, listeners.warning, listeners.progress)
        if followed.result.end != "failed" or not followed.reverts or not (undo := follower(journal, run, clock)):
            return followed
        followed = follow(journal, undo, clock, listeners.event, listeners.warning, listeners.progress)
        return replace(followed, result=replace(followed.result, failed=run))
