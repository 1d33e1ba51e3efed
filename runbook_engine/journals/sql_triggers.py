"""Triggers of a journal in PostgreSQL: they refuse what would change the record, and tell who listens what is new.

Rights keep the application's role from changing events; these keep everybody from it who may by their role, above all
the tables' owner, unless they set out to. They are part of version 5 of the tables: a change is a new version.
"""

from sqlalchemy import Connection, text

CHANNEL = "runbook_journal"  # what is told there: a run's id (its first characters), a blank, its newest seq
SHOWN = 200
PRUNING = "runbook.pruning"  # the setting of a transaction in which `runbook runs prune` removes
KEPT = ("events", "outputs", "prunings")

_REFUSE = f"""\
CREATE FUNCTION runbook_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME <> 'prunings' AND current_setting('{PRUNING}', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the journal is append-only: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$"""
_TELL = f"""\
CREATE FUNCTION runbook_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('{CHANNEL}', left(NEW.id, {SHOWN}) || ' ' || NEW.head_seq);
    RETURN NULL;
END
$$"""
TRIGGERS = (
    _REFUSE,
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION runbook_append_only()"
        for table in KEPT
    ),
    _TELL,
    "CREATE TRIGGER runs_tell AFTER INSERT OR UPDATE OF head_seq ON runs FOR EACH ROW EXECUTE FUNCTION runbook_tell()",
)
NAMES = (*(f"{table}_append_only" for table in KEPT), "runs_tell")


def make_triggers(connection: Connection) -> None:
    """Add them to tables that were just made."""
    if connection.dialect.name == "postgresql":
        for statement in TRIGGERS:
            connection.execute(text(statement))


def allow_pruning(connection: Connection) -> None:
    """Let this transaction remove events and output, which needs the rights to do so besides."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL {PRUNING} = 'on'"))


def missing_triggers(connection: Connection) -> list[str]:
    """Name those that are not there, or switched off."""
    found = connection.execute(
        text(
            "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
            "WHERE relnamespace = current_schema()::regnamespace AND tgenabled <> 'D' AND NOT tgisinternal"
        )
    ).scalars()
    there = set(found)
    return [name for name in NAMES if name not in there]
