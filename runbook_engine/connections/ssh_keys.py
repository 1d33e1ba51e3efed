"""The private keys of a run: each file is opened once, however many hosts it leads to."""

import threading
from collections.abc import Mapping
from pathlib import Path

import paramiko
from paramiko.pkey import UnknownKeyType

from runbook_engine.connections.ssh_locked import is_locked


class UnusableKeyError(Exception):
    """A key file can't be used; says why."""


class KeyRing:
    """Opened keys, safe to share between threads: to open one costs a good part of a second, by design.

    Args:
        passphrases: of key files, as a person gave them for this run.
    """

    def __init__(self, passphrases: Mapping[Path, str] | None = None) -> None:
        self._passphrases = dict(passphrases or {})
        self._lock = threading.Lock()
        self._opened: dict[tuple[Path, str | None], paramiko.PKey] = {}

    def opens(self, path: Path, passphrase: str | None) -> bool:
        """Tell whether there is a passphrase for a key, right or wrong."""
        return passphrase is not None or path in self._passphrases

    def load(self, path: Path, passphrase: str | None) -> paramiko.PKey:
        """Give a key; its own passphrase goes before the one that was given for the run.

        Raises:
            UnusableKeyError: it is locked, the passphrase is wrong, or the file is no key.
        """
        known = passphrase if passphrase is not None else self._passphrases.get(path)
        with self._lock:
            if (path, known) not in self._opened:
                self._opened[path, known] = load_key(path, known)
            return self._opened[path, known]


def load_key(path: Path, passphrase: str | None) -> paramiko.PKey:
    """Read a key, with the passphrase if it has one.

    Raises:
        UnusableKeyError: it is locked, the passphrase is wrong, or the file is no key.
    """
    locked = is_locked(path)
    if locked and passphrase is None:
        raise UnusableKeyError("the key has a passphrase")
    secret = passphrase.encode() if locked and passphrase is not None else None
    try:
        return paramiko.PKey.from_path(path, password=secret)  # type: ignore[arg-type] # it takes bytes alone
    except (paramiko.SSHException, TypeError, ValueError, OSError, UnknownKeyType) as error:
        raise UnusableKeyError(
            "the passphrase is wrong, or the file is damaged" if locked else str(error) or "it is no private key"
        ) from error
