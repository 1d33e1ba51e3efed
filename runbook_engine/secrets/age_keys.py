"""What opens age files and for whom they are made: identities in files, SSH keys among them, and recipients."""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_engine.ports.secrets import SecretError

if TYPE_CHECKING:
    import pyrage

    Identity = pyrage.x25519.Identity | pyrage.ssh.Identity
    Recipient = pyrage.x25519.Recipient | pyrage.ssh.Recipient

VARIABLE = "RUNBOOK_AGE_IDENTITIES"
"""Environment variable: identity files, separated by colons, in place of the configured ones."""

_DEFAULTS = ("~/.config/runbook/age.key", "~/.ssh/id_ed25519", "~/.ssh/id_rsa")
_LARGEST = 1 << 20
_MARK = "AGE-SECRET-KEY-1"
_AGE = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")


class LockedError(SecretError):
    """A passphrase is wanted, and there is none or a wrong one.

    Attributes:
        path: the identity file, or the age file itself, that it opens.
    """

    def __init__(self, message: str, path: Path, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path


def identity_files(configured: Sequence[str], root: Path, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Give the identity files to try: those of the environment, else the configured ones, else the usual places'.

    Only of the usual places one may be missing.
    """
    given = [part for part in environment.get(VARIABLE, "").split(os.pathsep) if part]
    if given or configured:
        return tuple(root / Path(part).expanduser() for part in (given or configured))
    return tuple(path for path in (Path(part).expanduser() for part in _DEFAULTS) if path.is_file())


def read_identities(path: Path, passphrase: str | None) -> "list[Identity]":
    """Read the identities of one file: age's own (itself encrypted or not), or an OpenSSH private key.

    Raises:
        LockedError: it has a passphrase, which is missing or wrong.
        SecretError: it can't be read, is open to others, or holds no identity.
    """
    import pyrage

    content = read_private(path, "identity file")
    if b"-----BEGIN OPENSSH PRIVATE KEY-----" in content:
        return [_ssh_identity(path, content, passphrase)]
    if is_age(content):
        content = _unlocked(path, content, passphrase)
    try:
        lines = [line.strip() for line in content.decode().splitlines()]
        keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith(_MARK)]
    except (UnicodeDecodeError, pyrage.IdentityError):
        raise SecretError(f"{path}: an identity in it is damaged") from None
    if not keys:
        raise SecretError(f"{path} holds no identity", hint=f"a line beginning with {_MARK}, or an OpenSSH private key")
    return list(keys)


def is_age(content: bytes) -> bool:
    """Tell whether this begins like an age file, armoured or not."""
    return content.startswith(_AGE)


def has_passphrase(content: bytes) -> bool:
    """Tell whether an age file is opened by a passphrase and not by an identity."""
    if content.startswith(_AGE[0]):
        return content[len(_AGE[0]) :].startswith(b"-> scrypt ")
    import base64
    import binascii

    try:
        head = base64.b64decode(b"".join(content.split(b"\n")[1:4]))
    except (binascii.Error, ValueError):
        return False
    return head.startswith(_AGE[0] + b"-> scrypt ")


def read_private(path: Path, what: str) -> bytes:
    """Read a small file that nobody else may read.

    Raises:
        SecretError: it can't be read, is larger than 1 MiB, or is open to others.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            content = file.read(_LARGEST + 1) if stat.S_ISREG(facts.st_mode) else b""
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SecretError(f"{what} {path} can't be read: {why}", hint="check its path, owner and mode") from None
    if not stat.S_ISREG(facts.st_mode) or len(content) > _LARGEST:
        raise SecretError(f"{what} {path} is no file of at most {_LARGEST >> 20} MiB")
    if facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretError(f"{what} {path} is open to others", hint=f"chmod 600 {path}")
    return content


def recipients(written: Iterable[str]) -> "list[Recipient]":
    """Make recipients of their texts: `age1…`, `ssh-ed25519 …`, `ssh-rsa …`.

    Raises:
        SecretError: one is none of these.
    """
    import pyrage

    made: list[Recipient] = []
    for text in dict.fromkeys(part.strip() for part in written):
        if _MARK[:-1] in text.upper() or "PRIVATE KEY" in text:
            hint = "give the public one (`age-keygen -y FILE` prints it); nothing was encrypted"
            raise SecretError("a recipient is a private key, which belongs to nobody else's eyes", hint=hint)
        try:
            is_ssh = text.startswith("ssh-")
            made.append(pyrage.ssh.Recipient.from_str(text) if is_ssh else pyrage.x25519.Recipient.from_str(text))
        except pyrage.RecipientError:
            raise SecretError(
                f"{text[:60]!r} is no recipient", hint="write age1…, or a public key of kind ssh-ed25519 or ssh-rsa"
            ) from None
    return made


def _ssh_identity(path: Path, content: bytes, passphrase: str | None) -> "Identity":
    import pyrage
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_ssh_private_key,
    )

    try:
        return pyrage.ssh.Identity.from_buffer(content)
    except pyrage.IdentityError as error:
        if "decrypted first" not in str(error):
            raise SecretError(f"{path} can't open age files: {error}", hint="use ssh-ed25519, ssh-rsa or age") from None
    if passphrase is None:
        raise LockedError(f"{path} has a passphrase", path)
    try:
        key = load_ssh_private_key(content, passphrase.encode())
        opened = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        return pyrage.ssh.Identity.from_buffer(opened)
    except (ValueError, TypeError, UnsupportedAlgorithm, pyrage.IdentityError):
        raise LockedError(f"{path}: the passphrase is wrong, or the file is damaged", path) from None


def _unlocked(path: Path, content: bytes, passphrase: str | None) -> bytes:
    import pyrage

    if passphrase is None:
        raise LockedError(f"{path} has a passphrase", path)
    try:
        return bytes(pyrage.passphrase.decrypt(content, passphrase))
    except pyrage.DecryptError:
        raise LockedError(f"{path}: the passphrase is wrong, or the file is damaged", path) from None
