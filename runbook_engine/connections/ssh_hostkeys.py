"""Decides whether a server's host key is the known one, by OpenSSH's known_hosts rules; there is no way around it."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from runbook_engine.connections.ssh_config import matches
from runbook_engine.sdk import NoConnectionError

_SSH_PORT = 22
_HASHED_PARTS = 4
_WILD = re.compile(r"[*?!]")


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of a known_hosts file that names the host."""

    kind: str
    key: bytes
    marker: str
    where: str


class HostKeyError(NoConnectionError):
    """The host key is unknown, changed or revoked; nothing was sent to the server."""


def known_keys(host: str, port: int, files: tuple[Path, ...]) -> tuple[KnownKey, ...]:
    """Find the lines that name a host; lines that can't be read count for nothing, as with OpenSSH."""
    name = host.lower() if port == _SSH_PORT else f"[{host.lower()}]:{port}"
    return tuple(known for file in files if file.is_file() for known in _named(file, name))


def check_host_key(
    host: str, port: int, kind: str, key: bytes, known: tuple[KnownKey, ...], files: tuple[Path, ...]
) -> None:
    """Return when the key is the known one.

    Raises:
        HostKeyError: it is unknown, changed or revoked; says which file and what to do.
    """
    name = host if port == _SSH_PORT else f"[{host}]:{port}"
    shown = f"{kind} {fingerprint(key)}"
    file = files[0] if files else "known_hosts"
    for line in known:
        if line.marker == "@revoked" and line.key == key:
            raise HostKeyError(
                f"{name}: its host key {shown} is revoked by {line.where}", hint="the host is not trusted"
            )
    plain = [line for line in known if not line.marker]
    if any(line.key == key for line in plain):
        return
    ask = f"ssh-keyscan -p {port} {host}" if port != _SSH_PORT else f"ssh-keyscan {host}"
    if plain:
        places = ", ".join(line.where for line in plain)
        raise HostKeyError(
            f"{name}: the host key CHANGED: it is {shown}, but {places} has another",
            hint=f"somebody may listen in; if the change is known: `ssh-keygen -R '{name}' -f {file}`, {ask}",
        )
    authority = [line for line in known if line.marker == "@cert-authority"]
    more = f" ({authority[0].where} trusts an authority, but host certificates are not supported)" if authority else ""
    raise HostKeyError(
        f"{name}: the host key {shown} is unknown{more}",
        hint=f"compare it with the host's own, then add it: `{ask} >> {file}`",
    )


def fingerprint(key: bytes) -> str:
    """Give the fingerprint as OpenSSH shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


class _Line(NamedTuple):
    """A line that can be read so far: its number, the names it is for, and what it says of them."""

    number: int
    names: str
    kind: str
    key: str
    marker: str


class _Lines(NamedTuple):
    """A file's lines: those for plain names by name, and those that every name has to be held against."""

    plain: dict[str, list[_Line]]
    others: list[_Line]


def _named(file: Path, name: str) -> Iterator[KnownKey]:
    facts = file.stat()
    lines = _lines(file, (facts.st_mtime_ns, facts.st_size, facts.st_ino))
    found = [*lines.plain.get(name, ()), *(line for line in lines.others if _names(line.names, name))]
    for line in sorted(found):
        try:
            key = base64.b64decode(line.key, validate=True)
        except ValueError:
            continue
        yield KnownKey(line.kind, key, line.marker, f"{file}:{line.number}")


@lru_cache(maxsize=8)
def _lines(file: Path, stamp: tuple[int, ...]) -> _Lines:
    """Read a file once for as long as it stays as it is: a thousand hosts would read a thousand lines each."""
    del stamp
    lines = _Lines({}, [])
    for number, text in enumerate(file.read_bytes().splitlines(), 1):
        words = text.decode("utf-8", "replace").split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#"):  # noqa: PLR2004 - names, kind, key
            continue
        line = _Line(number, words[0], words[1], words[2], marker)
        if words[0].startswith("|") or _WILD.search(words[0]):
            lines.others.append(line)
        else:
            for name in dict.fromkeys(words[0].lower().split(",")):
                lines.plain.setdefault(name, []).append(line)
    return lines


def _names(patterns: str, name: str) -> bool:
    if not patterns.startswith("|1|"):
        return matches(name, patterns.split(","))
    parts = patterns.split("|")
    if len(parts) != _HASHED_PARTS:
        return False
    try:
        salt, digest = base64.b64decode(parts[2], validate=True), base64.b64decode(parts[3], validate=True)
    except ValueError:
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
