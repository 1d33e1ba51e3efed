"""A file's lines, split only when somebody asks for one, so that a large valid file costs nothing."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import overload

_LINE_END = re.compile(r"\r\n|\r|\n")


class SourceLines(Sequence[str]):
    """The lines of a text without their ends; there is always at least one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._size = text.count("\n") + text.count("\r") - text.count("\r\n") + 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._lines[index]

    def __len__(self) -> int:
        return self._size

    def mentions(self, text: str) -> bool:
        """Whether the file holds a text, without splitting it."""
        return text in self._text

    def may_say(self, text: str) -> bool:
        """Whether a value in the file can hold a text: it stands there as it is, or something is written by escapes."""
        return text in self._text or "\\" in self._text

    def place(self, offset: int) -> tuple[int, int]:
        """Give line and column (from 1) of an offset in the text."""
        before = self._text[:offset]
        line = before.count("\n") + before.count("\r") - before.count("\r\n") + 1
        return line, offset - max(before.rfind("\n"), before.rfind("\r"))

    def inside(self, line: int, column: int) -> tuple[int, int]:
        """Bring a place behind the text's end back to its end; libyaml counts a line more there."""
        return (line, column) if line <= self._size else (self._size, len(self._lines[-1]) + 1)

    @cached_property
    def _lines(self) -> list[str]:
        return _LINE_END.split(self._text)
