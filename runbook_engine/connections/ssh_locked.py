"""Tells which private keys have a passphrase that nobody knows yet, by their files alone and without opening them."""

import base64
import binascii
import os
import socket
import stat
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from runbook_engine.connections.ssh_settings import Hop, SshSettings, route
from runbook_engine.sdk import RunbookError, Target

_BEGIN, _END = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END"
_MAGIC = b"openssh-key-v1\0"
_LOCKED_PEM = (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED")
_LARGEST = 1 << 20
_AGENT_SECONDS = 5.0
_LIST, _LISTED = 11, 12  # SSH_AGENTC_REQUEST_IDENTITIES, SSH_AGENT_IDENTITIES_ANSWER


def keys_to_unlock(targets: Iterable[Target], settings: SshSettings) -> tuple[Path, ...]:
    """Give the key files, each once, without whose passphrase some server of these targets can't be logged in to.

    A key that a variable or an agent opens is none, nor is one beside which something else may let us in.
    """
    routes = {route_ for target in targets for route_ in _routes(target, settings)}
    hops = dict.fromkeys(hop for route_ in sorted(routes, key=str) for hop in route_)
    return tuple(dict.fromkeys(path for hop in hops for path in _needed(hop)))


def is_locked(path: Path) -> bool:
    """Tell whether a private key has a passphrase; false when it can't be read, which its use tells."""
    content = _content(path)
    inner = _openssh(content)
    if inner is not None:
        return _strings(inner)[:1] != [b"none"]
    return any(mark in content for mark in _LOCKED_PEM)


def public_blob(path: Path) -> bytes | None:
    """Give the public part of a private key without opening it: OpenSSH's format has it, others a `.pub` neighbour."""
    inner = _openssh(_content(path))
    if inner is not None:
        head = _strings(inner)[:3]  # cipher, key function, its options; then a number of keys, and the public ones
        public = _strings(inner, sum(4 + len(part) for part in head) + 4)
        return public[0] if public else None
    words = _content(path.with_name(path.name + ".pub")).split()
    try:
        return base64.b64decode(words[1], validate=True) if len(words) > 1 else None
    except binascii.Error:
        return None


def agent_blobs(path: str) -> tuple[bytes, ...]:
    """Give the public parts of the keys that an agent has; none when it does not answer, which the login tells."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
            agent.settimeout(_AGENT_SECONDS)
            agent.connect(path)
            agent.sendall(struct.pack(">IB", 1, _LIST))
            with agent.makefile("rb") as stream:
                (size,) = struct.unpack(">I", stream.read(4))
                answer = stream.read(min(size, _LARGEST))
    except (OSError, struct.error):
        return ()
    if answer[:1] != bytes([_LISTED]):
        return ()
    return tuple(_strings(answer[5:])[::2])  # each key is its public part and a comment


def _routes(target: Target, settings: SshSettings) -> Iterator[tuple[Hop, ...]]:
    try:
        yield route(target, settings)
    except RunbookError:
        return  # the target's first use tells what is wrong with it


def _needed(hop: Hop) -> tuple[Path, ...]:
    there = [path for path in hop.keys if path.is_file()]
    locked = [path for path in there if is_locked(path)]
    if hop.passphrase is not None or hop.password is not None or not locked or len(locked) < len(there):
        return ()
    held = agent_blobs(hop.agent) if hop.agent is not None else ()
    usable = held if not hop.identities_only else [path for path in locked if public_blob(path) in held]
    return () if usable else tuple(locked)


def _content(path: Path) -> bytes:
    try:
        # A pipe that nobody writes to would keep us waiting.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return file.read(_LARGEST) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except OSError:
        return b""


def _openssh(content: bytes) -> bytes | None:
    """Give what stands in a key of OpenSSH's own format behind its magic word."""
    _, begin, rest = content.partition(_BEGIN)
    if not begin:
        return None
    try:
        inner = base64.b64decode(b"".join(rest.partition(_END)[0].split()))
    except binascii.Error:
        return None
    return inner.removeprefix(_MAGIC) if inner.startswith(_MAGIC) else None


def _strings(data: bytes, at: int = 0) -> list[bytes]:
    """Read SSH strings as long as there are whole ones."""
    found: list[bytes] = []
    while at + 4 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        at += 4 + size
        if at > len(data):
            break
        found.append(data[at - size : at])
    return found
