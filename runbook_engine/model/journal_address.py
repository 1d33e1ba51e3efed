"""The address of a journal as text: which kind of place it names, without going there."""

from runbook_engine.model.errors import InvalidInputError

EXAMPLES = "sqlite:///.runbook/journal.db or postgresql://user@host/database"
_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})


def sqlite_file(url: str) -> str | None:
    """Give the file that an address names, relative to the project unless it begins with a slash; None for none.

    Raises:
        InvalidInputError: it should name a file, and does not.
    """
    scheme, separator, rest = url.partition("://")
    if scheme != "sqlite" or not separator or not rest.startswith("/"):
        return None
    if not rest[1:] or rest[1:].startswith(":memory:"):
        raise InvalidInputError(f"{url} names no file", hint=f"an address looks like {EXAMPLES}")
    return rest[1:]


def postgresql_url(url: str) -> str:
    """Give the address of a PostgreSQL database in its one form.

    Raises:
        InvalidInputError: it is none.
    """
    scheme, separator, rest = url.partition("://")
    if scheme in _POSTGRESQL and separator:
        return f"postgresql://{rest}"
    raise InvalidInputError(
        f"{scheme + '://…' if separator else url!r} is not an address of a journal",
        hint=f"an address looks like {EXAMPLES}",
    )


def check_address(url: str) -> None:
    """Say whether an address can be a journal's.

    Raises:
        InvalidInputError: it can't.
    """
    if sqlite_file(url) is None:
        postgresql_url(url)
