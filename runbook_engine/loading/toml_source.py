"""Reads TOML into data that knows its lines."""

import math
import re
import tomllib
from collections.abc import Iterator

from runbook_engine.model.located import LocatedDict, LocatedList, Mark, Path

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_TABLE = re.compile(rf"[ \t]*\[\[?[ \t]*({_KEY})[ \t]*\]")
_ENTRY = re.compile(rf"[ \t]*({_KEY})[ \t]*=[ \t]*")
_PARTS = re.compile(_PART)
# A key of thousands of parts takes `tomllib` gigabytes. Nothing is given back here, so that each word is read once.
_MOST_DEPTH = 64
_LONG_KEY = re.compile(
    rf"""(?<![A-Za-z0-9_."'-])(?:(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MOST_DEPTH}}}"""
)
_LARGEST = 2**63
_ERROR_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


class TomlSyntaxError(Exception):
    """The text is not TOML; `mark` is line and column."""

    def __init__(self, message: str, mark: Mark) -> None:
        super().__init__(message)
        self.mark = mark


def read_toml(text: str) -> LocatedDict:
    """Read TOML; entries of inline tables and of arrays have the place of the line's own key.

    Raises:
        TomlSyntaxError: the text is not TOML, is nested deeper than 64 levels, or has a number of more than 64 bits.
    """
    if long := _LONG_KEY.search(text):
        line = text.count("\n", 0, long.start())
        column = long.start() - text.rfind("\n", 0, long.start())
        raise TomlSyntaxError(f"a key has more than {_MOST_DEPTH} parts", (line + 1, column))
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        sentence = str(error)
        match = _ERROR_PLACE.search(sentence)
        lines = text.split("\n")
        mark = (int(match[1]), int(match[2])) if match and match[1] else (len(lines), len(lines[-1]) + 1)
        raise TomlSyntaxError(_ERROR_PLACE.sub("", sentence), mark) from None
    except RecursionError:
        raise TomlSyntaxError("arrays or tables are nested too deep", (1, 1)) from None
    except ValueError:
        # Python refuses to read integers of more than some thousand digits.
        raise TomlSyntaxError("a number is too large", (1, 1)) from None
    marks = dict(_marks(text))
    located = _locate(data, (), marks, (1, 1))
    return located if isinstance(located, LocatedDict) else LocatedDict()


def _marks(text: str) -> Iterator[tuple[Path, tuple[Mark, Mark]]]:
    """Find where each key and its value begin, line by line; a look-alike within a long text is harmless."""
    table: Path = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _TABLE.match(line):
            table = _path(header[1])
            mark = (number, header.start(1) + 1)
            for depth in range(1, len(table) + 1):
                yield table[:depth], (mark, mark)
        elif entry := _ENTRY.match(line):
            yield (*table, *_path(entry[1])), ((number, entry.start(1) + 1), (number, entry.end() + 1))


def _path(key: str) -> Path:
    parts = (match.group() for match in _PARTS.finditer(key))
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in parts)


def _locate(value: object, path: Path, marks: dict[Path, tuple[Mark, Mark]], parent: Mark) -> object:
    if len(path) > _MOST_DEPTH:
        raise TomlSyntaxError(f"it is nested deeper than {_MOST_DEPTH} levels", parent)
    if isinstance(value, dict):
        mapping = LocatedDict(parent)
        for key, child in value.items():
            key_mark, value_mark = marks.get((*path, key), (parent, parent))
            mapping.key_marks[key], mapping.value_marks[key] = key_mark, value_mark
            mapping[key] = _locate(child, (*path, key), marks, value_mark)
        return mapping
    if isinstance(value, list):
        sequence = LocatedList(parent)
        sequence.extend(_locate(child, (*path, index), marks, parent) for index, child in enumerate(value))
        sequence.marks = [parent] * len(value)
        return sequence
    if isinstance(value, float) and not math.isfinite(value):
        raise TomlSyntaxError("nan and inf are not allowed", parent)
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise TomlSyntaxError("the number is too large for an integer of 64 bits", parent)
    return value
