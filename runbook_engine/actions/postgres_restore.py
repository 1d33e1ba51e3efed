"""postgres.restore: a database from a dump whose checksum is known, made beside and renamed when it is whole."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.known_copy import expect_copy, last_words, other_copy
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Command,
    Effect,
    Finding,
    JsonObject,
    Outputs,
    Params,
    satisfied,
    unsatisfied,
)

_OTHER_DUMP, _IN_THE_WAY = 65, 66
_NOTE = "restored by runbook-engine from the dump with SHA-256 "

# Restored under another name and renamed when whole: nobody sees a half one, and what stood there is kept.
SCRIPT = """set -eu
dump=$1 sha256=$2 name=$3 part=$4 before=$5 note=$6 replace=$7 disconnect=$8 jobs=$9
shift 9
maintenance=$1
shift
sql() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$maintenance" "$@"; }
found=$(sha256sum <"$dump"); [ "${found%% *}" = "$sha256" ] || exit 65
there=$(sql -c "SELECT count(*) FROM pg_database WHERE datname = '$name'")
[ "$there" = 0 ] || [ "$replace" = 1 ] || exit 66
sql -c "DROP DATABASE IF EXISTS \\"$part\\""
sql -c "CREATE DATABASE \\"$part\\" TEMPLATE template0"
if ! pg_restore --exit-on-error --jobs="$jobs" --dbname "$part" "$@" -- "$dump"; then
  sql -c "DROP DATABASE \\"$part\\""
  exit 1
fi
sql -c "COMMENT ON DATABASE \\"$part\\" IS '$note$sha256'"
if [ "$there" = 0 ]; then
  sql -c "ALTER DATABASE \\"$part\\" RENAME TO \\"$name\\""
  exit 0
fi
if [ "$disconnect" = 1 ]; then
  sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$name'" >/dev/null
fi
if ! sql --single-transaction -c "ALTER DATABASE \\"$name\\" RENAME TO \\"$before\\"" \\
  -c "ALTER DATABASE \\"$part\\" RENAME TO \\"$name\\""; then
  sql -c "DROP DATABASE \\"$part\\""
  exit 1
fi
printf '%s\\n' "$before"
"""


class RestoreParams(Params):
    """Which dump, into which database, of which server."""

    dump: str = Field(
        pattern=r"^/.*[^/]$",
        description="path of the dump on the target, as `pg_dump --format=custom` (or tar) wrote it",
        examples=["/srv/backup/reviews.dump"],
    )
    sha256: str = Field(
        pattern="^[0-9a-f]{64}$",
        description="the dump's SHA-256, from where who can change the dump can't change it",
        examples=["{{ database_dump_sha256 }}"],
    )
    database: str = Field(
        pattern="^[a-z_][a-z0-9_]{0,39}$", description="the database that is to hold it", examples=["reviews"]
    )
    replace: bool = Field(
        default=False,
        description="whether a database that holds something else may be replaced; it is kept beside, renamed",
    )
    disconnect: bool = Field(
        default=False, description="whether who is connected to a database that is replaced is thrown out first"
    )
    owners: bool = Field(
        default=False, description="whether owners and privileges are restored; the roles must be there then"
    )
    jobs: int = Field(1, ge=1, le=64, description="how many connections restore at once (not for tar)")
    host: str | None = Field(
        None, min_length=1, description="the server, or the folder of its socket; psql's default without it"
    )
    port: int | None = Field(None, ge=1, le=65535, description="its port")
    user: str | None = Field(
        None, min_length=1, description="who logs in there; a password comes from the step's `environment` (PGPASSFILE)"
    )
    maintenance: str = Field(
        "postgres", pattern="^[A-Za-z_][A-Za-z0-9_]*$", description="a database to be connected to meanwhile"
    )


class RestoreOutputs(Outputs):
    """What was restored."""

    database: str = Field("", description="the database")
    sha256: str = Field("", description="SHA-256 of the dump that it was restored from")
    before: str = Field("", description="name of the database that stood there; empty when there was none")


class PostgresRestore(Action[RestoreParams]):
    """Restore a PostgreSQL database from a dump whose SHA-256 is known, by psql and pg_restore of the target.

    check: done when the database's comment says that it was restored from this dump; what was written since does not
    count. Otherwise the dump must be there and have its SHA-256, and the database must be missing or to be replaced.
    apply: hashes the dump once more, restores it into a new database `NAME_part_…` that nobody knows of, and renames
    that when it is whole; with `replace` the other one is renamed to `NAME_before_…` in the same transaction, and kept.
    A restore that fails leaves the database as it was. It runs detached: a lost connection or a killed engine does not
    end it, and the same attempt goes on with it; a part that a reboot left over is dropped by the next one. Only what
    is in the dump is restored: roles, tablespaces and settings of the server are not.
    """

    name = "postgres.restore"
    effect = Effect.TOKEN
    reversible = False
    duration = "as long as writing the data and building its indexes takes"
    Params = RestoreParams
    Outputs = RestoreOutputs
    example: ClassVar[str] = """\
postgres.restore:
  dump: /srv/backup/reviews-2026-11-25.dump
  sha256: e9908be886bc09f2e392c8c1f373e14b69762ec648fe8d680881f862e76dba49
  database: reviews
"""

    def probe_commands(self, params: RestoreParams) -> tuple[tuple[str, ...], ...]:
        """Name the question that the check asks."""
        return (_question(params),)

    def check(self, params: RestoreParams, context: ActionContext) -> Finding:
        """Look at the database, then at the dump."""
        state, kept = _state(params, context)
        if state == "restored":
            before = _before(params, context)
            outputs: JsonObject = {"database": params.database, "sha256": params.sha256}
            outputs = {**outputs, "before": before} if before in kept else outputs
            return satisfied(f"{params.database} was restored from this dump", outputs=outputs)
        if state == "other" and not params.replace:
            raise _in_the_way(params)
        expect_copy(context, params.dump, params.sha256, kind="dump")
        change = Change(what=f"database {params.database}", before=state, after=params.dump)
        return unsatisfied(f"{params.database} is to be restored", changes=(change,))

    def apply(self, params: RestoreParams, context: ActionContext) -> Applied:
        """Restore it."""
        before = _before(params, context)
        part = f"{params.database}_part_{params.sha256[:12]}"
        words = [params.dump, params.sha256, params.database, part, before, _NOTE]
        words += [str(int(params.replace)), str(int(params.disconnect)), str(params.jobs), params.maintenance]
        words += [] if params.owners else ["--no-owner", "--no-privileges"]
        command = Command(("/bin/sh", "-c", SCRIPT, self.name, *words), environment=_server(params))
        result = context.connection.run_detached(
            command, token=context.run.token, timeout=context.remaining(), on_output=context.output
        )
        if result.exit_status == _OTHER_DUMP:
            raise other_copy(context, params.dump, kind="dump")
        if result.exit_status == _IN_THE_WAY:
            raise _in_the_way(params)
        if result.exit_status != 0:
            said = last_words(result)
            raise ActionFailedError(
                f"{params.dump} could not be restored on {context.target.name}: {said or 'no reason given'}",
                hint="a database that somebody is connected to can't be renamed: stop the app, or say disconnect: true"
                if "being accessed by other users" in said
                else "what stood there is as it was",
            )
        before = result.stdout.decode("ascii", "replace").strip()
        kept = f"; what stood there is {before}" if before else ""
        return Applied(summary=f"{params.database} restored{kept}", outputs={"before": before})


def _before(params: RestoreParams, context: ActionContext) -> str:
    """Name the database that this attempt keeps, the same after a crash."""
    return f"{params.database}_before_{context.run.token[:12]}"


def _question(params: RestoreParams) -> tuple[str, ...]:
    """Give the command that asks for the database's comment, and for what was kept of it."""
    kept = f"{params.database}_before_"
    query = (
        f"SELECT 'note ' || coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database "  # noqa: S608 - the name's pattern lets nothing else through
        f"WHERE datname = '{params.database}' UNION ALL "
        f"SELECT 'kept ' || datname FROM pg_database WHERE left(datname, {len(kept)}) = '{kept}'"
    )
    options = [f"--{name}={value}" for name, value in _options(params)]
    shown = ("--no-psqlrc", "--tuples-only", "--no-align", "--no-password", "--set", "ON_ERROR_STOP=1")
    return ("psql", *shown, *options, f"--dbname={params.maintenance}", "--command", query)


def _options(params: RestoreParams) -> list[tuple[str, str]]:
    known = (("host", params.host), ("port", params.port), ("username", params.user))
    return [(name, str(value)) for name, value in known if value is not None]


def _server(params: RestoreParams) -> dict[str, str]:
    """Give the same for commands that ask more than once."""
    names = {"host": "PGHOST", "port": "PGPORT", "username": "PGUSER"}
    return {names[name]: value for name, value in _options(params)}


def _state(params: RestoreParams, context: ActionContext) -> tuple[str, frozenset[str]]:
    """Say what the database is (missing, restored, other), and name the databases that were kept of it."""
    result = context.connection.run(Command(_question(params)), timeout=context.remaining())
    if result.exit_status != 0:
        said = last_words(result)
        raise ActionFailedError(
            f"the server could not be asked on {context.target.name}: {said or 'psql said nothing'}",
            hint="is psql there, and may the login ask the server? See host, user and become",
        )
    lines = result.stdout.decode("utf-8", "replace").splitlines()
    kept = frozenset(line.removeprefix("kept ") for line in lines if line.startswith("kept "))
    if f"note {_NOTE}{params.sha256}" in lines:
        return "restored", kept
    return ("other" if any(line.startswith("note ") for line in lines) else "missing"), kept


def _in_the_way(params: RestoreParams) -> ActionFailedError:
    return ActionFailedError(
        f"there is a database {params.database} that was not restored from this dump",
        hint="say `replace: true`, which keeps it beside under another name, or name another database",
    )
