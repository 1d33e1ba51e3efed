"""A person's own token for the dashboard: made once, shown once, known again by its scrypt hash."""

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import NamedTuple

from runbook_engine.web.security.token_file import TokenRecord, now, put_token, read_tokens

_LONGEST = 300
_N, _R, _P = 1 << 14, 8, 1
_MEMORY = 64 << 20
_SALT_BYTES, _KEY_BYTES = 16, 32
_NOBODY = TokenRecord(salt="00" * _SALT_BYTES, key="00" * _KEY_BYTES, n=_N, r=_R, p=_P, made_at=now())


class Known(NamedTuple):
    """Whose a token is; `credential` names the token itself, without telling it."""

    person: str
    credential: str


def new_token(root: Path, person: str) -> str:
    """Make a person's token in place of the one before it, and give it: it is kept nowhere.

    Raises:
        RunbookError: the file of tokens can't be written.
    """
    secret, salt = secrets.token_urlsafe(32), secrets.token_bytes(_SALT_BYTES)
    record = TokenRecord(salt=salt.hex(), key="", n=_N, r=_R, p=_P, made_at=now())
    put_token(root, person, record.model_copy(update={"key": _derive(secret, record).hex()}))
    return f"{person}.{secret}"


def known_token(root: Path, token: str) -> Known | None:
    """Give whose token it is, None when it is nobody's; takes as long either way (about 50 ms).

    Raises:
        InvalidInputError: the file of tokens can't be read, or others can.
    """
    person, _, secret = token[:_LONGEST].rpartition(".")
    found = read_tokens(root).tokens.get(person)
    record = found or _NOBODY
    same = hmac.compare_digest(_derive(secret, record), bytes.fromhex(record.key))
    return Known(person, record.salt) if found is not None and same else None


def stands(root: Path, known: Known) -> bool:
    """Tell whether a token that was known is still its person's.

    Raises:
        InvalidInputError: the file of tokens can't be read, or others can.
    """
    record = read_tokens(root).tokens.get(known.person)
    return record is not None and record.salt == known.credential


def _derive(secret: str, record: TokenRecord) -> bytes:
    return hashlib.scrypt(
        secret.encode("utf-8", "replace"),
        salt=bytes.fromhex(record.salt),
        n=record.n,
        r=record.r,
        p=record.p,
        maxmem=_MEMORY,
        dklen=_KEY_BYTES,
    )
