"""Who may do what with a journal in PostgreSQL: the rights of runs, of readers and of workers, as GRANTs.

The owner (who made the tables) upgrades, prunes, and gives rights. The application's role adds events, and can neither
change nor remove one; what is shown while attempts run is no record, and is its to overwrite. A reader reads. A worker
sees nothing of what is recorded: it takes orders, reports on them, and shows what they print.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

_APPLICATION = {
    "runs": "SELECT, INSERT, UPDATE (status, closed_at, head_seq, head_hash)",
    "events": "SELECT, INSERT",
    "outputs": "SELECT, INSERT",
    "tasks": "SELECT, INSERT, UPDATE (seq, kind, outcome)",
    "leases": "SELECT, INSERT, UPDATE (holder, fence, expires_at, ticks, ticker)",
    "meta": "SELECT, UPDATE (value)",
    "prunings": "SELECT",
    "live_output": "SELECT, INSERT, UPDATE, DELETE",
    "alembic_version": "SELECT",
}
_READER = dict.fromkeys(_APPLICATION, "SELECT")
# A worker asks who holds a run's lease; it can neither change what was ordered nor order anything.
_WORKER = {
    "leases": "SELECT (name, holder, fence, expires_at)",
    "queue_runs": "SELECT",
    "queue_orders": "SELECT, UPDATE (state, worker, host, begun_at, progress, report), DELETE",
    "queue_outputs": "INSERT",
    "live_output": "SELECT, INSERT, UPDATE (data, total, at)",  # (to overwrite a row is to read it)
    "queue_workers": "SELECT, INSERT, UPDATE (heartbeat, draining), DELETE",
    "procrastinate_jobs": "SELECT, UPDATE, DELETE",
    "procrastinate_workers": "SELECT, INSERT, UPDATE, DELETE",
    "procrastinate_events": "INSERT",
    "procrastinate_periodic_defers": "SELECT, UPDATE (job_id)",
}
_WORKERS_SEQUENCE = "procrastinate_events_id_seq"
# What workers on other machines have beside the journal: whoever runs orders there, and takes away what is done.
_BESIDE = "SELECT, INSERT, UPDATE, DELETE"
_OF_WORKERS = """\
SELECT relname, relkind FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'S')
AND (relname LIKE 'procrastinate\\_%' OR relname LIKE 'queue\\_%') ORDER BY relname"""
# (information_schema shows a role nobody's rights but its own)
_GRANTED = """\
SELECT rolname, bool_or(privilege_type = 'INSERT')
FROM pg_class, aclexplode(relacl) JOIN pg_roles ON pg_roles.oid = grantee
WHERE relnamespace = current_schema()::regnamespace AND relname = :name AND grantee <> relowner
GROUP BY rolname ORDER BY rolname"""
_RIGHTS = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")


@dataclass(frozen=True, slots=True)
class Roles:
    """Roles by what they are for; each must be in the database already."""

    applications: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every one of them."""
        return (*self.applications, *self.readers, *self.workers)

    def __bool__(self) -> bool:
        return bool(self.all)


def grants(roles: Roles, schema: str = "public") -> list[str]:
    """Give the statements that make the rights of these roles what they should be, no less and no more."""
    return [
        *(line for role in roles.applications for line in _of_role(role, schema, _APPLICATION)),
        *(line for role in roles.readers for line in _of_role(role, schema, _READER)),
        *(line for role in roles.workers for line in _of_worker(role, schema)),
    ]


def grant(connection: Connection, roles: Roles) -> None:
    """Give the roles their rights, within the connection's transaction."""
    if roles:
        schema = str(connection.execute(text("SELECT current_schema()")).scalar_one())
        for statement in (*grants(roles, schema), *_of_workers(connection, roles, schema)):
            connection.exec_driver_sql(statement.replace("%", "%%"))


def unknown_roles(connection: Connection, roles: Roles) -> list[str]:
    """Name those that the database does not know."""
    known = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
    return [role for role in roles.all if role not in known]


def has_workers_tables(connection: Connection) -> bool:
    """Tell whether the database has the tables that orders travel by."""
    return bool(connection.execute(text("SELECT to_regclass('queue_orders') IS NOT NULL")).scalar_one())


def granted(connection: Connection) -> Roles:
    """Tell which roles, besides the owner, have rights by now: who may add events, who may only read, who works."""
    rows = connection.execute(text(_GRANTED), {"name": "events"}).all()
    works = [role for role, adds in connection.execute(text(_GRANTED), {"name": "queue_workers"}) if adds]
    return Roles(
        tuple(role for role, adds in rows if adds),
        tuple(role for role, adds in rows if not adds),
        tuple(role for role in works if role not in {known for known, _ in rows}),
    )


def rights_on_events(connection: Connection) -> list[str]:
    """Tell what the role that is connected may do to events besides reading them."""
    may = text("SELECT has_table_privilege('events', :right)")
    return [right for right in _RIGHTS if connection.execute(may, {"right": right}).scalar_one()]


def _of_role(role: str, schema: str, rights: dict[str, str]) -> Iterator[str]:
    name, room = _quoted(role), _quoted(schema)
    yield f"GRANT USAGE ON SCHEMA {room} TO {name}"
    for table, allowed in rights.items():
        yield f"REVOKE ALL ON {room}.{table} FROM {name}"
        yield f"GRANT {allowed} ON {room}.{table} TO {name}"


def _of_worker(role: str, schema: str) -> Iterator[str]:
    name, room = _quoted(role), _quoted(schema)
    yield f"GRANT USAGE ON SCHEMA {room} TO {name}"
    for table in dict.fromkeys((*_APPLICATION, *_WORKER)):
        yield f"REVOKE ALL ON {room}.{table} FROM {name}"
        if table in _WORKER:
            yield f"GRANT {_WORKER[table]} ON {room}.{table} TO {name}"
    yield f"GRANT USAGE ON SEQUENCE {room}.{_WORKERS_SEQUENCE} TO {name}"


def _of_workers(connection: Connection, roles: Roles, schema: str) -> Iterator[str]:
    for name, kind in connection.execute(text(_OF_WORKERS)).all():
        thing = f"{'SEQUENCE ' if kind == 'S' else ''}{_quoted(schema)}.{_quoted(name)}"
        for role in roles.applications:
            yield f"GRANT {'USAGE' if kind == 'S' else _BESIDE} ON {thing} TO {_quoted(role)}"
        for role in roles.readers:
            yield f"GRANT SELECT ON {thing} TO {_quoted(role)}"


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
