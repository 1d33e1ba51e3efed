"""Reads what a git server says of a repository before a fetch: its references, and what HEAD stands for."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SERVICE = b"# service=git-upload-pack\n"
_LINE = re.compile(rb"([0-9a-f]{40}) ([^\0\n]+)")
_ZERO = b"0" * 40


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
    """Give each packet's bytes; the stream must end with a flush packet, or it was cut off."""
    at, flushed = 0, False
    while at < len(content):
        try:
            length = int(content[at : at + 4], 16)
        except ValueError:
            raise ValueError("the answer is not that of a git server") from None
        flushed = length == 0
        if length == 0:
            at += 4
            continue
        if length <= 4 or at + length > len(content):  # noqa: PLR2004 - the length counts its own four digits
            raise ValueError("the answer of the git server is cut off")
        yield content[at + 4 : at + length]
        at += length
    if not flushed:
        raise ValueError("the answer of the git server is cut off")


def _name(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
