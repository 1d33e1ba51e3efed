"""Signs with a person's SSH key: by an agent that has it, or by its file."""

import socket
import struct
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from runbook_engine.connections.ssh_locked import agent_blobs, is_locked, public_blob
from runbook_engine.sdk import RunbookError

AskSecret = Callable[[str], str]

_SIGN, _SIGNED = 13, 14  # SSH_AGENTC_SIGN_REQUEST, SSH_AGENT_SIGN_RESPONSE
_SHA2_512 = 4  # SSH_AGENT_RSA_SHA2_512; other kinds of keys know one way of signing
_RSA, _RSA_ALGORITHM = b"\0\0\0\7ssh-rsa", "rsa-sha2-512"
_CONFIRM_SECONDS = 120.0  # an agent may ask its owner first
_LARGEST = 1 << 16


class NoKeyError(RunbookError):
    """There is no key here that could sign."""


def sign(
    data: bytes, *, usable: Collection[bytes], files: Iterable[Path], agent: str | None, ask: AskSecret | None
) -> tuple[bytes, bytes]:
    """Sign with the first key that is usable; give its public part, and the signature as the SSH protocol writes it.

    Args:
        usable: public parts of the keys that may sign; others are never touched.
        files: of private keys, or of the public ones of keys that the agent has.
        agent: path of the agent's socket, if there is one.
        ask: asks for the passphrase of a locked key; None when nobody is there to ask.

    Raises:
        NoKeyError: none of them is here, or it can't be opened.
    """
    held = [blob for blob in (agent_blobs(agent) if agent else ()) if blob in usable]
    if agent and held:
        return held[0], _by_agent(agent, held[0], data)
    places = ["the SSH agent" if agent else "no SSH agent is there"]
    for path in files:
        blob = public_part(path)
        if blob in usable and blob is not None and path.suffix != ".pub":
            return blob, _by_file(path, blob, data, ask)
        places.append(str(path))
    raise NoKeyError(
        f"none of the keys that count is here (looked at: {', '.join(places)})",
        hint="name its file with --key FILE, or load it into the agent (`ssh-add FILE`)",
    )


def public_part(path: Path) -> bytes | None:
    """Give the public part of the key in a file, a private or a public one; None when there is none."""
    return public_blob(path.with_suffix("") if path.suffix == ".pub" else path)


def _by_file(path: Path, blob: bytes, data: bytes, ask: AskSecret | None) -> bytes:
    # (paramiko is behind it, which takes a while to import.)
    from runbook_engine.connections.ssh_keys import UnusableKeyError, load_key

    passphrase: str | None = None
    if is_locked(path):
        if ask is None:
            raise NoKeyError(
                f"{path} has a passphrase, and nobody is here to ask for it",
                hint=f"load the key into the agent (`ssh-add {path}`)",
            )
        passphrase = ask(f"Passphrase of {path}:")
    try:
        key = load_key(path, passphrase)
    except UnusableKeyError as error:
        raise NoKeyError(f"{path}: {error}", hint="`ssh-keygen -y -f FILE` shows whether a key opens") from error
    return bytes(key.sign_ssh_data(data, _RSA_ALGORITHM if blob.startswith(_RSA) else None).asbytes())


def _by_agent(agent: str, blob: bytes, data: bytes) -> bytes:
    flags = _SHA2_512 if blob.startswith(_RSA) else 0
    request = bytes([_SIGN]) + _string(blob) + _string(data) + struct.pack(">I", flags)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_CONFIRM_SECONDS)
            connection.connect(agent)
            connection.sendall(_string(request))
            with connection.makefile("rb") as stream:
                (size,) = struct.unpack(">I", stream.read(4))
                answer = stream.read(min(size, _LARGEST))
    except (OSError, struct.error) as error:
        raise NoKeyError(
            f"the SSH agent does not answer ({error})", hint="name the key's file with --key FILE"
        ) from error
    if answer[:1] != bytes([_SIGNED]):
        raise NoKeyError("the SSH agent refused to sign", hint="it may want its owner's consent, or be locked")
    return answer[5:]


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value
