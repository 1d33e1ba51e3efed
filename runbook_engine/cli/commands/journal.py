"""runbook journal: the journal's database, made, brought up to date, looked at, copied."""

from dataclasses import asdict

import click

from runbook_engine.app.project import open_project
from runbook_engine.cli.documented import DocumentedGroup
from runbook_engine.cli.options import output_option
from runbook_engine.cli.terminal import result, result_json, say
from runbook_engine.model.errors import ExitCode, UsageError


@click.group(cls=DocumentedGroup)
def journal() -> None:
    """Keep the journal's database: make, upgrade, check and copy it.

    An SQLite journal is made by the first run. One in PostgreSQL is best made by `init`, as the role that is to own it,
    so that the role that runs have can add to it and can change nothing.

    Examples:
      RUNBOOK_JOURNAL=postgresql://owner@db/runbook runbook journal init --app-role runbook_app
      runbook journal check
      runbook journal copy postgresql://owner@db/runbook
    """


@journal.command()
@click.option(
    "--app-role", "applications", multiple=True, metavar="ROLE", help="A role that runs have: may add events, no more."
)
@click.option("--reader-role", "readers", multiple=True, metavar="ROLE", help="A role that may only read.")
@click.option(
    "--worker-role",
    "workers",
    multiple=True,
    metavar="ROLE",
    help="A role that workers have: orders and reports alone.",
)
@click.option("--print-grants", is_flag=True, help="Print the GRANTs of these roles, and do nothing.")
def init(
    applications: tuple[str, ...], readers: tuple[str, ...], workers: tuple[str, ...], *, print_grants: bool
) -> None:
    """Make the journal where there is none; give roles of PostgreSQL their rights.

    Who calls it owns the tables. The roles must be there (CREATE ROLE …), and may be given again: they end with these
    rights exactly. A journal that is there is left as it is.

    Examples:
      RUNBOOK_JOURNAL=postgresql://owner@db/runbook runbook journal init --app-role runbook_app --reader-role auditor
      runbook journal init --worker-role worker_eu --worker-role worker_us
      runbook journal init --app-role runbook_app --print-grants
    """
    from runbook_engine.app.keep_journal import init_journal, rights_of
    from runbook_engine.journals.sql_rights import Roles

    roles = Roles(applications, readers, workers)
    if print_grants:
        if not roles:
            raise UsageError(
                "--print-grants needs a role", hint="name one: --app-role ROLE, --reader-role ROLE, --worker-role ROLE"
            )
        for line in rights_of(roles):
            result(f"{line};")
        return
    made = init_journal(open_project(), roles)
    say(f"{made.where}: {'made' if made.new else 'a journal is there already'}")
    for role in applications:
        say(f"{role}: may read, and add events")
    for role in readers:
        say(f"{role}: may read")
    for role in workers:
        say(f"{role}: may take orders and report on them, and see nothing of what is recorded")


@journal.command()
def upgrade() -> None:
    """Bring the journal up to date with this program, all or nothing.

    Roles keep their rights. Programs of an older version refuse it from then on. Ends with 5 while a run is at work.

    Example:
      RUNBOOK_JOURNAL=postgresql://owner@db/runbook runbook journal upgrade
    """
    from runbook_engine.app.keep_journal import upgrade_journal

    done = upgrade_journal(open_project())
    if done.before == done.after:
        say(f"{done.where}: up to date (schema {done.after})")
    else:
        say(f"{done.where}: upgraded from schema {done.before} to {done.after}")


@journal.command()
@output_option("text", "json")
def check(output: str) -> int:
    """Look at the journal's database: version, tables, rights, who is at work.

    Ends with 1 when something is not as it should be, with 6 when the journal can't be used, or is of another version.
    `runbook audit verify` looks at what is recorded.

    Examples:
      runbook journal check
      runbook journal check --output json
    """
    from runbook_engine.app.keep_journal import check_journal

    where, looks = check_journal(open_project())
    wrong = any(look.level == "wrong" for look in looks)
    if output == "json":
        result_json({"journal": where, "ok": not wrong, "checks": [asdict(look) for look in looks]})
    else:
        result(where)
        for look in looks:
            result(f"{look.level:5}  {look.name}: {look.text}")
            if look.hint:
                result(f"       {look.hint}")
    return ExitCode.FAILED if wrong else ExitCode.OK


@journal.command()
@click.argument("to", metavar="ADDRESS")
@click.option("--from", "source", metavar="ADDRESS", help="The journal that is copied; without it the project's.")
@output_option("text", "json")
def copy(to: str, source: str | None, output: str) -> None:
    """Copy the journal to another database, and prove the copy by its chain; from SQLite to PostgreSQL, and back.

    All or nothing: a copy that is interrupted leaves nothing, and can be begun anew. Nothing is overwritten: ADDRESS
    must name a file that is not there, or a database without a journal or with an empty one. Ends with 5 while a run
    is at work. The journal stays where it is; name the copy in runbook.toml (journal = "…") to go on with it.

    Examples:
      runbook journal copy postgresql://owner@db/runbook
      runbook journal copy sqlite:///.runbook/copy.db --from postgresql://auditor@db/runbook
    """
    from runbook_engine.app.keep_journal import copy_journal

    done = copy_journal(open_project(), to, source=source)
    if output == "json":
        result_json({"from": done.source, "to": done.target, **asdict(done.copied)})
        return
    counts = f"{done.copied.runs} runs, {done.copied.events} events, {done.copied.outputs} outputs"
    result(f"copied, and both verified: {counts}, head {done.copied.head or '-'}")
    say(f"from {done.source} to {done.target}; name the copy as `journal` in runbook.toml to go on with it")
