"""What a database's refusal means for a person in an incident, and whether it makes sense to go on."""

from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from runbook_engine.model.errors import JournalError, JournalHeldError, JournalUnavailableError

_RESUME = "then `runbook resume` goes on where the run stopped"
_SQLITE: dict[str, tuple[type[JournalError], str, str]] = {
    "SQLITE_FULL": (
        JournalUnavailableError,
        "can't be written: the disk is full",
        f"free some space; {_RESUME}",
    ),
    "SQLITE_BUSY": (
        JournalUnavailableError,
        "is locked by another process for too long",
        "find it with `fuser` and see whether it hangs",
    ),
    "SQLITE_READONLY": (JournalError, "can't be written: it is read-only", f"make it writable for you; {_RESUME}"),
    "SQLITE_CANTOPEN": (JournalError, "can't be opened", "look at its folder's permissions and free space"),
    "SQLITE_PERM": (JournalError, "can't be opened: permission denied", "look at who owns it"),
    "SQLITE_CORRUPT": (
        JournalError,
        "is damaged: SQLite can't read it",
        "keep the file as evidence, and put a copy of it from a backup or an exported bundle in its place",
    ),
    "SQLITE_NOTADB": (
        JournalError,
        "is damaged or is no SQLite database",
        "keep the file as evidence, and put a copy of it from a backup in its place",
    ),
    "SQLITE_IOERR": (
        JournalError,
        "can't be written or read: the disk reports an error",
        f"look at the disk (`dmesg`) before anything else; {_RESUME}",
    ),
}
_MAY_NOT = "42501"  # insufficient_privilege
_HELD = "55P03"  # lock_not_available
_AS_OWNER = (
    "make, upgrade, copy and prune a journal as its owner (RUNBOOK_JOURNAL=postgresql://OWNER@… runbook …), "
    "who gives those who run their rights: runbook journal init --app-role ROLE"
)
_FINAL = ("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB")


def explain(error: SQLAlchemyError, where: str) -> JournalError:
    """Say in one sentence what the database refused."""
    name = _sqlite_name(error)
    for prefix, (kind, problem, hint) in _SQLITE.items():
        if name.startswith(prefix):
            return kind(f"the journal {where} {problem} ({_words(error)})", hint=hint)
    if lost_connection(error):
        return JournalUnavailableError(
            f"the journal's database {where} can't be reached ({_words(error)})",
            hint=f"see that it runs and that the network is there; {_RESUME}",
        )
    if _state(error) == _MAY_NOT:
        return JournalError(f"the journal {where} refused: {_words(error)}", hint=_AS_OWNER)
    if _state(error) == _HELD:
        return JournalHeldError(
            f"the journal {where} is held by another session for too long ({_words(error)})",
            hint="see in pg_stat_activity whose it is, and whether that process hangs",
        )
    return JournalError(f"the journal {where} refused: {_words(error)}", hint="`runbook doctor` checks the journal")


def is_final(error: SQLAlchemyError) -> bool:
    """Tell whether nothing more may be written: what a failed fsync left on the disk, nobody knows."""
    return _sqlite_name(error).startswith(_FINAL)


def is_undecodable(error: SQLAlchemyError) -> bool:
    """Tell whether SQLite gave text that is not UTF-8: bytes were changed behind its back."""
    return "Could not decode to UTF-8" in str(getattr(error, "orig", ""))


def lost_connection(error: SQLAlchemyError) -> bool:
    """Tell whether the server went away, so that nobody knows whether a commit under way arrived."""
    if not isinstance(error, DBAPIError) or _sqlite_name(error):
        return False
    of_server = type(error.orig).__name__ == "OperationalError" and _state(error)[:2] in {"", "57", "08"}
    return error.connection_invalidated or of_server


def os_refused(error: OSError, path: Path) -> JournalError:
    """Say what the operating system refused."""
    return JournalError(
        f"the journal {path} can't be made or opened: {error.strerror or error}",
        hint="look at the permissions and the free space of its folder",
    )


def _state(error: SQLAlchemyError) -> str:
    """Give PostgreSQL's code of the error; source: its documentation, appendix A."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _sqlite_name(error: SQLAlchemyError) -> str:
    return getattr(getattr(error, "orig", None), "sqlite_errorname", None) or ""


def _words(error: SQLAlchemyError) -> str:
    """Give the database's own words, first line only, without the statement."""
    orig = getattr(error, "orig", None)
    return (str(orig if orig is not None else error).strip() or type(error).__name__).splitlines()[0]
