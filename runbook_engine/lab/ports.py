"""Which ports a lab takes: those it had before, else a block that belongs to its folder, so that addresses stay."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runbook_engine.lab.errors import LabError
from runbook_engine.lab.files import StateFolder, write_atomically

LOWEST, BLOCK, BLOCKS = 20000, 16, 700  # up to 31199: below the ports that Linux gives to outgoing connections
TRIES = 40


def choose_ports(folder: StateFolder, names: Sequence[str]) -> dict[str, int]:
    """Give a free port of 127.0.0.1 for each name; raises LabError when none is to be found."""
    for ports in _candidates(folder, names):
        if all(_is_free(port) for port in ports.values()):
            return ports
    raise LabError(f"no {len(names)} ports in a row are free on 127.0.0.1", "end what holds them, or try again later")


def remember_ports(folder: StateFolder, ports: Mapping[str, int]) -> None:
    """Keep the ports for the next lab in this folder."""
    write_atomically(folder.ports, json.dumps(dict(ports)).encode() + b"\n")


def _candidates(folder: StateFolder, names: Sequence[str]) -> Iterator[dict[str, int]]:
    remembered = _remembered(folder.ports)
    if set(remembered) == set(names):
        yield remembered
    own = int.from_bytes(hashlib.sha256(str(folder.root.absolute()).encode("utf-8", "surrogateescape")).digest()[:4])
    for number in range(TRIES):
        first = LOWEST + (own + number) % BLOCKS * BLOCK
        yield {name: first + offset for offset, name in enumerate(names)}


def _remembered(file: Path) -> dict[str, int]:
    try:
        found = json.loads(file.read_bytes())
        return {str(name): int(port) for name, port in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # there are none, or what is left of them means nothing: the folder's own block serves as well


def _is_free(port: int) -> bool:
    """Whether nothing listens there or has it reserved; the name server needs it for UDP, too."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1 if kind is socket.SOCK_STREAM else 0)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
