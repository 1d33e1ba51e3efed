"""Plain data that knows where in its file each part stands."""

from collections.abc import Sequence
from typing import TypeAlias

from runbook_engine.model.diagnostic import Location

Path: TypeAlias = tuple[str | int, ...]
Mark: TypeAlias = tuple[int, int]


class LocatedDict(dict[str, object]):
    """A mapping read from a file; `key_marks` and `value_marks` give line and column (from 1) by key."""

    __slots__ = ("key_marks", "mark", "value_marks")

    def __init__(self, mark: Mark = (0, 0)) -> None:
        self.mark = mark
        self.key_marks: dict[str, Mark] = {}
        self.value_marks: dict[str, Mark] = {}


class LocatedList(list[object]):
    """A sequence read from a file; `marks` gives line and column (from 1) of each item."""

    __slots__ = ("mark", "marks")

    def __init__(self, mark: Mark = (0, 0)) -> None:
        self.mark = mark
        self.marks: list[Mark] = []


class SourceMap:
    """Answers where a part of a parsed file stands.

    Args:
        file: name of the file as the user would type it.
        root: what the loader read, made of `LocatedDict`, `LocatedList` and scalars.
        lines: the file's lines without line ends, for code frames.
    """

    def __init__(self, file: str, root: object = None, lines: Sequence[str] = ()) -> None:
        self.file = file
        self.root = root
        self.lines = lines

    def at(self, path: Path = (), *, key: bool = False) -> Location:
        """Give the place of the value at a path such as `("steps", 3, "needs", 0)`.

        With `key`, the place of the mapping key in front of the value. A path that leads further than the
        file does gives its nearest parent's place.
        """
        mark: Mark = getattr(self.root, "mark", (1, 1))
        node = self.root
        for depth, part in enumerate(path):
            last = depth == len(path) - 1
            if isinstance(node, LocatedDict) and part in node:
                marks = node.key_marks if key and last else node.value_marks
                mark = marks.get(str(part), mark)
                node = node[str(part)]
            elif isinstance(node, LocatedList) and isinstance(part, int) and 0 <= part < len(node):
                mark = node.marks[part]
                node = node[part]
            else:
                break
        return Location(file=self.file, line=mark[0], column=mark[1])
