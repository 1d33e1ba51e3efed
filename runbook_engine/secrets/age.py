"""Opens and makes age files: whole or not at all, so that no part of a damaged one is ever used."""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from runbook_engine.ports.secrets import SecretError
from runbook_engine.secrets.age_keys import LockedError, has_passphrase, is_age, read_identities, recipients

if TYPE_CHECKING:
    from runbook_engine.secrets.age_keys import Identity

_LARGEST = 16 << 20
_NO_KEYS = "No matching keys found"
_ASK = "run it on a terminal, where it is asked for, or use an identity without a passphrase"


@dataclass(slots=True)
class AgeFiles:
    """Opens age files with the identities of this machine; safe to share between threads.

    Attributes:
        identities: files to try, in order.
        passphrases: of identity files, and of age files that are opened by a passphrase, by path.
    """

    identities: Sequence[Path]
    passphrases: Mapping[Path, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _keys: "dict[Path, list[Identity]]" = field(default_factory=dict)

    def open(self, path: Path) -> bytes:
        """Give what an age file holds.

        Raises:
            LockedError: only a passphrase that nobody gave could open it.
            SecretError: it can't be read, is damaged, or is not made for these identities.
        """
        content = read_age_file(path)
        if has_passphrase(content):
            return self._by_passphrase(path, content)
        return self._by_identities(path, content)

    def _by_passphrase(self, path: Path, content: bytes) -> bytes:
        import pyrage

        if path not in self.passphrases:
            raise LockedError(f"{path} has a passphrase", path, hint=_ASK)
        try:
            return bytes(pyrage.passphrase.decrypt(content, self.passphrases[path]))
        except pyrage.DecryptError:
            raise LockedError(f"{path}: the passphrase is wrong, or the file is damaged", path) from None

    def _by_identities(self, path: Path, content: bytes) -> bytes:
        import pyrage

        problems: list[str] = []
        locked: list[LockedError] = []
        tried = 0
        for file in self.identities:
            try:
                keys = self._read(file)
            except LockedError as error:
                locked.append(error)
                continue
            except SecretError as error:
                problems.append(f"{error.message} ({error.hint})" if error.hint else error.message)
                continue
            tried += len(keys)
            try:
                return bytes(pyrage.decrypt(content, keys))
            except pyrage.DecryptError as error:
                if str(error) != _NO_KEYS:
                    raise SecretError(
                        f"{path} is damaged: {str(error).partition(chr(10))[0]}",
                        hint="take it from version control or a backup",
                    ) from None
        if locked:
            raise LockedError(f"{path} may be opened by {locked[0].path}, which is locked", locked[0].path, hint=_ASK)
        also = f"; {'; '.join(problems)}" if problems else ""
        if not tried:
            raise SecretError(
                f"{path} can't be opened: there is no identity{also}",
                hint="name an identity file: [secrets] identities in runbook.toml, or RUNBOOK_AGE_IDENTITIES",
            )
        raise SecretError(
            f"{path} is not made for {'the identity' if tried == 1 else f'any of the {tried} identities'} here{also}",
            hint="somebody who can open it adds your public key to [secrets] recipients, then: runbook secrets rekey",
        )

    def _read(self, file: Path) -> "list[Identity]":
        with self._lock:
            if file not in self._keys:
                self._keys[file] = read_identities(file, self.passphrases.get(file))
            return self._keys[file]


def read_age_file(path: Path) -> bytes:
    """Read an age file without opening it.

    Raises:
        SecretError: it can't be read, is larger than 16 MiB, or is no age file.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            content = file.read(_LARGEST + 1) if is_file else b""
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SecretError(f"{path} can't be read: {why}", hint="check its path, owner and mode") from None
    if len(content) > _LARGEST:
        raise SecretError(f"{path} is larger than {_LARGEST >> 20} MiB", hint="was the right file named?")
    if not is_age(content):
        raise SecretError(f"{path} is no age file", hint="make one: runbook secrets encrypt FILE")
    return content


def seal(plaintext: bytes, *, to: Sequence[str] = (), passphrase: str | None = None) -> bytes:
    """Encrypt for recipients, or by a passphrase; armoured, so that version control takes it for text.

    Raises:
        SecretError: neither is given, or a recipient is none.
    """
    import pyrage

    if passphrase is not None:
        return bytes(pyrage.passphrase.encrypt(plaintext, passphrase, armored=True))
    made = recipients(to)
    if not made:
        raise SecretError(
            "there is nobody to encrypt for",
            hint='name public keys: recipients = ["age1…"] under [secrets] in runbook.toml, or --recipient',
        )
    return bytes(pyrage.encrypt(plaintext, made, armored=True))
