"""What may lie in the place of a file that somebody else wrote: bombs, bytes that are no text, and what is no file."""

import os
import socket
from pathlib import Path


def _bomb(ways):
    levels = [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * ways)}]" for i in range(1, 10)]
    return "\n".join(["a0: &a0 [x, x]", *levels])


_MERGES = "\n".join(
    ["m0: &m0 {a: 1}", *(f"m{i}: &m{i}\n  <<: [{', '.join([f'*m{i - 1}'] * 10)}]" for i in range(1, 8))]
)
TEXTS = {
    "empty": b"",
    "blanks": b" \t\r\n\x0b\x0c\n",
    "utf-16": "runbook: a\n".encode("utf-16"),
    "utf-32": "runbook: a\n".encode("utf-32"),
    "only a byte order mark": b"\xef\xbb\xbf",
    "latin-1": "runbook: Überfall\n".encode("latin-1"),
    "NUL": b"runbook: a\0b\nsteps: []\n",
    "control characters": b"runbook: \x1b]0;owned\x07\x1b[2J\n\x9b31m\x85\n",
    "text that turns round": "runbook: a\u202egnp.exe\u2066\n? \u2028 k\n".encode(),
    "half a character": b"runbook: \xed\xa0\x80\xf0\x9f\n",
    "escaped half of a pair": b'runbook: "\\ud800"\nsteps: ["\\udfff\\x00"]\n',
    "brackets": b"[" * 100_000,
    "braces": b'{"a":' * 100_000,
    "dashes": b"- " * 100_000,
    "a tower of indentation": b"\n".join(b" " * depth + b"k:" for depth in range(900)),
    "bomb of aliases": _bomb(10).encode(),
    "bomb of merges": _MERGES.encode(),
    "an alias of itself": b"a: &a [*a]\nb: &b {<<: *b, c: *a}\n",
    "an unknown alias": b"a: *nobody\n",
    "the same key twice": b"runbook: a\nrunbook: b\nsteps: []\nsteps: {}\n",
    "tags": b"a: !!python/object/apply:os.system ['id']\nb: !!binary aGk=\nc: !x y\n",
    "many documents": b"---\na\n---\nb\n...\n%YAML 9.9\n--- {\n",
    "numbers": b"a: 1e999\nb: .nan\nc: " + b"9" * 5000 + b"\nd: 0x" + b"f" * 5000 + b"\ne: 017\nf: 1:30\n",
    "odd keys": b"? [a, b]\n: 1\n? {c: d}\n: 2\nnull: 3\n1: 4\ntrue: 5\n'': 6\n2026-01-01: 7\n",
    "a number alone": b"5\n",
    "a list": b"[1, null, [], {}, '']\n",
    "one long line": b"runbook: " + b"x" * 1_000_000 + b"\n",
    "thousands of keys": b"".join(b"k%d: 1\n" % number for number in range(30_000)),
    "an open quote": b'a: "b\n' * 1000,
    "code": b"#!/bin/sh\ntouch owned\n",
    "half of it": b"[a]\nb = {",
}


def _large(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _socket(path):
    here = Path.cwd()
    os.chdir(path.parent)  # an address has room for about a hundred characters
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


NO_FILES = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nowhere": lambda path: path.symlink_to("nowhere/at/all"),
    "a link to an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a terminal": lambda path: path.symlink_to("/dev/tty"),
    "a tebibyte": _large,
}
KINDS = (*TEXTS, *NO_FILES)


def lay(kind, path):
    """Put it there, in the place of whatever is."""
    take_away(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind in TEXTS:
        path.write_bytes(TEXTS[kind])
        path.chmod(0o600)
    else:
        NO_FILES[kind](path)


def take_away(path):
    """Make room for the next one."""
    if path.is_dir() and not path.is_symlink():
        for inside in path.iterdir():
            take_away(inside)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
