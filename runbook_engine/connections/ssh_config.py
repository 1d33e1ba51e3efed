"""Reads OpenSSH's client configuration as OpenSSH means it; what would need a guess is refused."""

import glob
import os
import re
import shlex
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from runbook_engine.sdk import RunbookError

_MANY = frozenset({"identityfile", "certificatefile"})
_DEPTH = 16
_LINE = re.compile(r"([A-Za-z]++)(?:\s*+=\s*+|\s++|$)(.*)")
_MATCHES = {"host": "hostname", "originalhost": "host"}


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What the configuration says of one host; keywords in lower case, the first value of each, all identity files."""

    host: str
    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def get(self, keyword: str, default: str | None = None) -> str | None:
        """Give a keyword's value."""
        return self.values.get(keyword, default)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a configuration: the keyword as it was written, and the words behind it."""

    where: str
    name: str
    words: list[str]


ReadFiles = MutableMapping[Path, list[Line]]
"""Lines of files that were read before: a run asks for each of its hosts."""


def options_for(host: str, files: tuple[Path, ...], home: Path, read: ReadFiles | None = None) -> HostOptions:
    """Read what the files say of a host; earlier files and lines win.

    Args:
        read: what is there is not read again, and what was read comes there.

    Raises:
        RunbookError: a file can't be read, a line can't be understood, or it needs what we don't do (`Match exec`).
    """
    reader = _Reader(host, home, {} if read is None else read)
    for file in files:
        if file.is_file():
            reader.read(file, active=True, depth=0)
    lists = {name: tuple(values) for name, values in reader.lists.items()}
    return HostOptions(host, reader.values, lists)


def matches(name: str, patterns: list[str]) -> bool:
    """Tell whether a name matches a list of patterns with `*`, `?` and `!`, as OpenSSH does."""
    name = name.lower()
    found = False
    for pattern in patterns:
        negated, plain = pattern.startswith("!"), pattern.lstrip("!").lower()
        if fnmatchcase(name, plain.replace("[", "[[]")):
            if negated:
                return False
            found = True
    return found


class _Reader:
    def __init__(self, host: str, home: Path, files: ReadFiles) -> None:
        self.host, self.home, self.files = host, home, files
        self.values: dict[str, str] = {}
        self.lists: dict[str, list[str]] = {}

    def read(self, file: Path, *, active: bool, depth: int) -> None:
        if depth > _DEPTH:
            raise RunbookError(f"{file}: Include is nested deeper than {_DEPTH} files")
        lines = self.files.get(file)
        if lines is None:
            lines = self.files[file] = list(_lines(file))
        for line in lines:
            keyword, words, where = line.name.lower(), line.words, line.where
            if keyword == "host":
                active = matches(self.host, words)
            elif keyword == "match":
                active = self._match(words, where)
            elif keyword == "include":
                for included in self._included(words, file):
                    self.read(included, active=active, depth=depth + 1)
            elif active:
                self._set(keyword, words)

    def _set(self, keyword: str, words: list[str]) -> None:
        if keyword in _MANY:
            self.lists.setdefault(keyword, []).append(words[0])
        else:
            self.values.setdefault(keyword, " ".join(words))

    def _match(self, words: list[str], where: str) -> bool:
        if [word.lower() for word in words] == ["all"]:
            return True
        result = True
        rest = iter(words)
        for word in rest:
            negated, criterion = word.startswith("!"), word.lstrip("!").lower()
            patterns = next(rest, None)
            if criterion not in _MATCHES or patterns is None:
                raise RunbookError(
                    f"{where}: `Match {' '.join(words)}` is not supported; guessing could reach the wrong host",
                    hint="use Host, `Match host` or `Match all`, or give another file by the setting ssh.config",
                )
            name = (
                self.host
                if criterion == "originalhost"
                else self.values.get("hostname", self.host).replace("%h", self.host)
            )
            result = result and matches(name, patterns.split(",")) != negated
        return result

    def _included(self, words: list[str], file: Path) -> Iterator[Path]:
        base = self.home / ".ssh" if file.is_relative_to(self.home) else file.parent
        for word in words:
            pattern = os.path.join(base, word.replace("~", str(self.home), 1) if word.startswith("~") else word)  # noqa: PTH118 - a pattern is no path
            yield from (Path(found) for found in sorted(glob.glob(pattern)) if Path(found).is_file())  # noqa: PTH207 - it may be absolute


def _lines(file: Path) -> Iterator[Line]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunbookError(f"{file}: can't be read: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{file}:{number}"
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise RunbookError(f"{where}: can't read {line.strip()!r}")
        words = _words(match[2], where)
        if not words:
            raise RunbookError(f"{where}: {match[1]} has no value")
        yield Line(where, match[1], words)


def _words(text: str, where: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    lexer.escape = ""
    try:
        return list(lexer)
    except ValueError as error:
        raise RunbookError(f"{where}: {error}") from error
