"""The file of people's tokens for the dashboard: hashes only, for its owner's eyes only."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from runbook_engine.app.whole_file import replacing
from runbook_engine.model.base import Frozen
from runbook_engine.model.errors import InvalidInputError, RunbookError

PLACE = Path(".runbook/dashboard-tokens.json")
_LARGEST = 1 << 20


class TokenRecord(Frozen):
    """What is kept of a person's token: enough to know it again, and not enough to have it.

    Attributes:
        salt, key: in hexadecimal; the key is scrypt's of the token's secret part.
        n, r, p: scrypt's costs.
    """

    salt: str
    key: str
    n: int
    r: int
    p: int
    made_at: datetime


class TokenFile(Frozen):
    """The file's contents: one token a person."""

    version: Literal[1] = 1
    tokens: dict[str, TokenRecord] = {}


def read_tokens(root: Path) -> TokenFile:
    """Read the tokens of a project; none when there is no file.

    Raises:
        InvalidInputError: others may read or write the file, or it can't be read.
    """
    path = root / PLACE
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return TokenFile()
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)  # of a folder no file can be made
        raise _unusable(path, "it is no plain file")
    with os.fdopen(handle, "rb") as file:
        if found.st_mode & 0o077:
            raise InvalidInputError(
                f"{path} may be read or written by others", hint=f"`chmod 600 {path}`, and have new tokens made"
            )
        text = file.read(_LARGEST + 1)
    try:
        return TokenFile.model_validate_json(text)
    except ValidationError as error:
        raise _unusable(path, "it is not what the dashboard wrote") from error


def put_token(root: Path, person: str, record: TokenRecord) -> None:
    """Keep a person's token in place of the one before it.

    Raises:
        RunbookError: the file can't be written.
    """
    with _changing(root) as tokens:
        tokens[person] = record


def remove_token(root: Path, person: str) -> bool:
    """Remove a person's token; tells whether there was one.

    Raises:
        RunbookError: the file can't be written.
    """
    with _changing(root) as tokens:
        return tokens.pop(person, None) is not None


def now() -> datetime:
    """Give the time that a record says it was made at: to the second, UTC."""
    return datetime.now(UTC).replace(microsecond=0)


@contextmanager
def _changing(root: Path) -> Iterator[dict[str, TokenRecord]]:
    """Give the tokens to be changed; what is there when the block ends is kept. One process does this at a time."""
    path = root / PLACE
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise RunbookError(f"{path} can't be written: {error.strerror}", hint="look at its folder") from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        tokens = dict(read_tokens(root).tokens)
        yield tokens
        with replacing(path) as file:
            file.write(TokenFile(tokens=tokens).model_dump_json(indent=2).encode() + b"\n")
    finally:
        os.close(folder)


def _unusable(path: Path, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path} can't be used: {why}",
        hint=f"remove {path}, and have new tokens made: runbook serve --new-token PERSON",
    )
