"""Lays YAML out anew, comments and all; the only user of ruamel.yaml. It changes no word of what a file says."""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag

from runbook_engine.loading.yaml_meaning import COMMENT, comments, lines_that_end_in_scalars, meaning, without_scalars

WIDTH = 120
"""Characters of a line beyond which a list or mapping in brackets is written line by line."""

_ENDLESS = 1 << 30
_MOST_ROUNDS = 4
_NULL = Tag(suffix="tag:yaml.org,2002:null")
_EXPLICIT_START = re.compile(r"^---(?:\s|$)", re.MULTILINE)


class LayoutError(Exception):
    """A file can't be laid out without a change of what it says; the text says why, for people."""


class _AllText(VersionedResolver):
    """Takes every scalar that holds anything for text, so that none is written otherwise than it stands in the file."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is ScalarNode and implicit[0]:
            return self.DEFAULT_SCALAR_TAG if value else _NULL
        return super().resolve(kind, value, implicit)


def formatted(text: str) -> str:
    """Give a YAML text in its usual layout: two spaces a level, list items set in, one blank line at most.

    Lists and mappings in brackets stay on one line where they fit into it. Order, quotes, anchors and comments stay.

    Args:
        text: one document that `read_yaml` takes, so that its depth and size have bounds.

    Raises:
        LayoutError: it can't be laid out without losing something.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        laid_out = _settled(text)
        if comments(laid_out) != comments(text):
            raise LayoutError("a comment would be lost or moved; write brackets that hold comments line by line")
        if meaning(laid_out) != meaning(text):
            raise LayoutError("it would read differently")
    except (YAMLError, yaml.YAMLError, RecursionError) as error:
        raise LayoutError(f"the layout can't be made: {str(error) or type(error).__name__}") from error
    return laid_out


def _settled(text: str) -> str:
    """Lay a text out until that changes nothing more: a comment in an odd place takes more than one round."""
    laid_out = _tidy(_lines_broken(text, _laid_out(text, text)))
    rounds = _MOST_ROUNDS if COMMENT.search(text) else 0
    for _ in range(rounds):
        again = _tidy(_lines_broken(laid_out, _laid_out(laid_out, laid_out)))
        if again == laid_out:
            return laid_out
        laid_out = again
    if rounds:
        raise LayoutError("a comment finds no place to stay; write it on a line of its own")
    return laid_out


def _library(text: str) -> YAML:
    library = YAML(typ="rt")
    library.Resolver = _AllText
    library.preserve_quotes = True
    library.width = _ENDLESS
    library.explicit_start = bool(_EXPLICIT_START.search(without_scalars(text)))
    library.indent(mapping=2, sequence=4, offset=2)
    # Whether an anchor may be given again is for others to say; here it stays as it is.
    library.composer.warn_double_anchors = False
    return library


def _laid_out(text: str, original: str, *, too_long: frozenset[int] = frozenset()) -> str:
    """Write a text anew; brackets that begin in lines of `too_long` (from 0) become lines of their own."""
    library = _library(original)
    root = library.load(text)
    for node in _anchored(root):
        # An anchor that no alias names is kept, too.
        node.yaml_set_anchor(node.anchor.value, always_dump=True)
    for node in _outermost_brackets(root):
        if node.lc.line in too_long:
            node.fa.set_block_style()
    out = io.StringIO()
    library.dump(root, out)
    return out.getvalue()


def _lines_broken(original: str, text: str) -> str:
    """Break brackets up, from the outermost on, until their lines fit or hold none."""
    while True:
        long = frozenset(_long_lines(text))
        if not long:
            return text
        broken = _laid_out(text, original, too_long=long)
        if broken == text:
            return text
        text = broken


def _long_lines(text: str) -> Iterator[int]:
    """Number the lines, from 0, that are too long; the comment at a line's end does not count."""
    outside = without_scalars(text).split("\n")
    for number, (line, bare) in enumerate(zip(text.split("\n"), outside, strict=True)):
        comment = COMMENT.search(bare)
        if len(line[: comment.start()].rstrip() if comment else line) > WIDTH:
            yield number


def _in_brackets(node: CommentedMap | CommentedSeq) -> bool:
    """Whether a collection stands in brackets. Empty ones can't be written otherwise."""
    return bool(node.fa.flow_style() and len(node))


def _outermost_brackets(root: object) -> Iterator[CommentedMap | CommentedSeq]:
    """Give the collections in brackets that stand in no others."""
    return filter(_in_brackets, _collections(root, closed=_in_brackets))


def _anchored(root: object) -> Iterator[CommentedMap | CommentedSeq]:
    """Give the collections that have an anchor."""
    return (node for node in _collections(root, closed=lambda _: False) if node.anchor.value is not None)


def _collections(
    root: object, *, closed: Callable[[CommentedMap | CommentedSeq], bool]
) -> Iterator[CommentedMap | CommentedSeq]:
    """Give each list and mapping once; what is in those that are `closed` is left."""
    pending, seen = [root], set[int]()
    while pending:
        node = pending.pop()
        if not isinstance(node, CommentedMap | CommentedSeq) or id(node) in seen:
            continue
        seen.add(id(node))
        if not closed(node):  # (asked before whoever gets it changes how it is written)
            pending += node.values() if isinstance(node, CommentedMap) else node
        yield node


def _tidy(text: str) -> str:
    """Take away spaces at the ends of lines, and blank lines beyond one; what is a scalar's own stays."""
    inside = lines_that_end_in_scalars(text)
    kept: list[str] = []
    for number, line in enumerate(text.split("\n")):
        if number in inside:
            kept.append(line)
        elif line.strip() or (kept and kept[-1].strip()):
            kept.append(line.rstrip())
    while kept and not kept[-1]:
        kept.pop()
    return "\n".join(kept) + "\n"
