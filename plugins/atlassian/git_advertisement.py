"""Reads what a git server says of a repository before a fetch: its references, and what HEAD stands for."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SERVICE = b"# service=git-upload-pack\n"
_LINE = re.compile(rb"([0-9a-f]{40}) ([^\0\n]+)")
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")
_ZERO = b"0" * 40
_FLUSHES = 2


@dataclass(frozen=True, slots=True)
class Advertisement:
    """The references by name, HEAD excepted; `head` is the branch that HEAD stands for, empty when not told."""

    refs: Mapping[str, str]
    head: str


def read_advertisement(content: bytes) -> Advertisement:
    """Read the answer to `info/refs?service=git-upload-pack` (gitprotocol-http, version 0).

    Raises:
        ValueError: it is none.
    """
    lines = _packets(content)
    if next(lines, None) != _SERVICE:
        raise ValueError("the answer is not that of a git server")
    refs: dict[str, str] = {}
    head = ""
    for line in lines:
        named, _, capabilities = line.partition(b"\0")
        found = _LINE.fullmatch(named.rstrip(b"\n"))
        if found is None:
            raise ValueError("the answer of the git server can't be read")
        for capability in capabilities.split():
            if capability.startswith(b"symref=HEAD:"):
                head = _name(capability.removeprefix(b"symref=HEAD:"))
        name = _name(found[2])
        if name.startswith("refs/") and not name.endswith("^{}") and found[1] != _ZERO:
            refs[name] = found[1].decode("ascii")
    return Advertisement(refs, head)


def _packets(content: bytes) -> Iterator[bytes]:
    """Give each packet's bytes; one flush packet ends the heading, another one the list, or it was cut off."""
    at, flushes, ended = 0, 0, False
    while at < len(content):
        digits = _LENGTH.match(content, at)
        if digits is None:
            raise ValueError("the answer is cut off, or not that of a git server")
        length = int(digits[0], 16)
        ended = length == 0
        if ended:
            flushes += 1
            at += 4
            continue
        if length <= 4 or at + length > len(content):  # noqa: PLR2004 - the length counts its own four digits
            raise ValueError("the answer of the git server is cut off")
        yield content[at + 4 : at + length]
        at += length
    if not ended or flushes < _FLUSHES:
        raise ValueError("the answer of the git server is cut off")


def _name(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
