"""Folds libyaml's event stream into located data, and reports everything that a strict file may not hold."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import yaml

from runbook_engine.loading.bounded import MOST_FINDINGS
from runbook_engine.loading.collector import collector_paused
from runbook_engine.loading.nesting import height
from runbook_engine.loading.scalars import SPECIAL_STARTS, Plain, read_plain, read_plain_1_1
from runbook_engine.loading.source_lines import SourceLines
from runbook_engine.loading.yaml_events import Event, EventMark, event_source
from runbook_engine.loading.yaml_syntax import explain_syntax_error
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.located import LocatedDict, LocatedList, Mark
from runbook_engine.model.quoting import quoted
from runbook_engine.model.rules import diagnostic

ALIAS_BUDGET = 10_000
# Stands where a key would, while the value of a key that was refused is read and dropped; NUL is in no key.
_DROP = "\0"
# A list or mapping takes the memory of several texts, even when nothing is in it.
_COLLECTION_WEIGHT = 4
_ODD_KEYS = frozenset({"", "~", "null", "<<"})
_END_OF_FILE = re.compile(r"(?:[ \t\r\n]++|#[^\r\n]*+|\.\.\.(?=[ \t\r\n]|\Z))*+\Z")


class StopReadingError(Exception):
    """The rest of the file is not worth reading; the findings say why."""


class Fold:
    """Reads one document; `diagnostics` grows while it does."""

    def __init__(
        self,
        text: str,
        *,
        lines: SourceLines,
        file: str,
        limits: Limits,
        tags: Mapping[str, Callable[[str], object]],
        warn_ambiguous: bool,
        yaml_1_1: bool,
    ) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._text = text
        self._lines = lines
        self._file = file
        self._most_nodes = limits.nodes
        self._most_depth = limits.depth
        self._tags = tags
        self._warn_ambiguous = warn_ambiguous
        self._read_plain = read_plain_1_1 if yaml_1_1 else read_plain
        self._root: object = None
        self._nodes = 0
        self._aliased = 0
        # The innermost open collection, and the key that waits for its value when that is a mapping.
        self._map: LocatedDict | None = None
        self._list: LocatedList | None = None
        self._key: str | None = None
        self._open: list[tuple[LocatedDict | None, LocatedList | None, str | None, str | None, int]] = []
        self._anchors: dict[str, tuple[object, int] | None] = {}
        self._plain_cache: dict[str, Plain] = {}

    def read(self) -> object:
        """Read the document and give its root.

        Raises:
            StopReadingError: the file is not YAML, or goes beyond a limit.
        """
        handlers: dict[type, Callable[[Event], None]] = {
            yaml.MappingStartEvent: self._mapping,
            yaml.SequenceStartEvent: self._sequence,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
        }
        try:
            with collector_paused():
                self._read_events(handlers)
        except yaml.YAMLError as error:
            rule, place, message, hint = explain_syntax_error(error, self._lines)
            self._report(rule, place, message, hint)
            raise StopReadingError from None
        return self._root

    def _read_events(self, handlers: Mapping[type, Callable[[Event], None]]) -> None:
        next_event, take_scalar = event_source(self._text), self._scalar
        while (event := next_event()) is not None:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                take_scalar(event)
            elif handler := handlers.get(kind):
                handler(event)
            elif isinstance(event, yaml.DocumentEndEvent):
                # The parser is not asked further: what stands behind can only be refused.
                self._only_document(event)
                break

    def _scalar(self, event: Event) -> None:
        # Most events come through here: what is usual is written out, what is not is called.
        self._nodes += 1
        if self._nodes > self._most_nodes:
            self._too_many(event)
        start = event.start_mark
        mark = (start.line + 1, start.column + 1)
        text = event.value
        mapping, key = self._map, self._key
        if mapping is not None and key is None:
            marks = mapping.key_marks
            if event.tag or event.anchor or text in marks or text in _ODD_KEYS or "\0" in text:
                self._odd_key(event, text, mark)
            else:
                marks[text] = mark
                self._key = text
            return
        value: object = text
        if event.tag is not None:
            value = self._tagged(event, text, mark)
        elif not event.implicit[0]:
            if "\0" in text:
                self._report("RB004", mark, "the text holds NUL, which no command line can", "remove the \\0")
        elif not text or text[0] in SPECIAL_STARTS:
            mark = mark if text else self._lines.inside(*mark)
            value = self._plain(text, mark)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        if mapping is not None and key is not None and key is not _DROP:
            mapping[key] = value
            mapping.value_marks[key] = mark
            self._key = None
        else:
            self._attach(value, mark)

    def _odd_key(self, event: Event, text: str, mark: Mark) -> None:
        """Take a scalar as the next key after all, or refuse it so that its value is dropped."""
        mapping = self._map
        plain: bool = event.implicit[0]
        self._key = _DROP
        if event.tag is not None:
            self._report("RB011", mark, f"the tag {quoted(event.tag or '')} is not allowed on a key", "remove the tag")
        elif plain and text == "<<":
            self._report("RB012", mark, "the merge key << is not allowed", "write the keys out, or use vars")
        elif plain and text in _ODD_KEYS:
            self._report("RB015", self._lines.inside(*mark), "a key is empty", "write a name in front of the colon")
        elif "\0" in text:
            self._report("RB004", mark, "the key holds NUL", "remove the \\0")
        elif mapping is not None and text in mapping.key_marks:
            line = mapping.key_marks[text][0]
            self._report("RB010", mark, f"the key {quoted(text)} stands in line {line} already", "keep one of the two")
        elif mapping is not None:
            mapping.key_marks[text] = mark
            self._key = text
        if event.anchor is not None:
            self._anchors[event.anchor] = (text, 1)

    def _plain(self, text: str, mark: Mark) -> object:
        plain = self._plain_cache.get(text)
        if plain is None:
            plain = self._read_plain(text)
            if len(text) < 64:  # noqa: PLR2004 - longer texts are hardly repeated and would fill the cache
                self._plain_cache[text] = plain
        if plain.problem:
            self._report("RB014", mark, plain.problem, "put it in quotes if it is a text")
        elif plain.ambiguous and self._warn_ambiguous:
            message = f"{quoted(text)} is kept as text; other YAML readers take it for {plain.ambiguous}"
            self._report("RB016", mark, message, f'write "{text}" for the text, or the value that is meant')
        return plain.value

    def _tagged(self, event: Event, text: str, mark: Mark, *, collection: bool = False) -> object:
        make = self._tags.get(event.tag or "")
        if make is not None and not collection:
            return make(text)
        self._report("RB011", mark, f"the tag {quoted(event.tag or '')} is not allowed", "remove the tag")
        return text

    def _mapping(self, event: Event) -> None:
        start = event.start_mark
        mark = (start.line + 1, start.column + 1)
        mapping = LocatedDict(mark)
        self._begin(event, mapping, mark)
        self._map, self._list, self._key = mapping, None, None

    def _sequence(self, event: Event) -> None:
        start = event.start_mark
        mark = (start.line + 1, start.column + 1)
        sequence = LocatedList(mark)
        self._begin(event, sequence, mark)
        self._map, self._list, self._key = None, sequence, None

    def _begin(self, event: Event, node: LocatedDict | LocatedList, mark: Mark) -> None:
        """Put a collection into its parent and remember the parent until the collection ends."""
        self._nodes += _COLLECTION_WEIGHT
        if self._nodes > self._most_nodes:
            self._too_many(event)
        if len(self._open) >= self._most_depth:
            hint = "is a bracket or quote missing? else raise limits.depth in runbook.toml"
            self._report("RB007", mark, f"lists and mappings are nested more than {self._most_depth} deep", hint)
            raise StopReadingError
        if event.tag is not None:
            self._tagged(event, "", mark, collection=True)
        mapping, sequence, key, after = self._map, self._list, self._key, None
        if mapping is not None and key is None:
            self._report("RB015", mark, "a list or mapping can't be a key", 'put a template in quotes: "{{ … }}"')
            self._key = after = _DROP
        elif mapping is not None and key is not None and key is not _DROP:
            mapping[key] = node
            mapping.value_marks[key] = mark
        else:
            self._attach(node, mark)
        anchor = event.anchor
        self._open.append((mapping, sequence, after, anchor, self._nodes))
        if anchor is not None:
            self._anchors[anchor] = None  # open: an alias to it would make it contain itself

    def _end(self, event: Event) -> None:
        del event
        node = self._map if self._map is not None else self._list
        self._map, self._list, self._key, anchor, before = self._open.pop()
        if anchor is not None:
            self._anchors[anchor] = (node, self._nodes - before + _COLLECTION_WEIGHT)

    def _alias(self, event: Event) -> None:
        self._count(event)
        mark, name = self._mark(event), event.anchor or ""
        value: object = None
        known = self._anchors.get(name)
        if known is not None:
            value, size = known
            self._spend(size, value, mark)
        elif name in self._anchors:
            self._report("RB013", mark, f"the alias {quoted('*' + name)} stands inside its own anchor", "write it out")
        else:
            self._report(
                "RB013", mark, f"no anchor {quoted('&' + name)} stands above this alias", "is it a text? quote it"
            )
        if self._map is not None and self._key is None:
            self._report("RB015", mark, "an alias can't be a key", "write the key out")
            self._key = _DROP
        else:
            self._attach(value, mark)

    def _spend(self, size: int, value: object, mark: Mark) -> None:
        """Charge what an alias repeats, in values and in depth, before anybody walks over it."""
        self._aliased += size
        self._nodes += size
        if self._aliased > ALIAS_BUDGET or self._nodes > self._most_nodes:
            message = f"the aliases of this file repeat more than {ALIAS_BUDGET:,} values"
            self._report("RB013", mark, message, "write out what is meant, or use vars")
            raise StopReadingError
        if len(self._open) + height(value) > self._most_depth:
            message = f"lists and mappings are nested more than {self._most_depth} deep by aliases"
            self._report("RB007", mark, message, "write out what is meant")
            raise StopReadingError

    def _attach(self, value: object, mark: Mark) -> None:
        sequence = self._list
        if sequence is not None:
            sequence.append(value)
            sequence.marks.append(mark)
        elif self._map is not None:
            key = self._key
            if key is not None and key is not _DROP:
                self._map[key] = value
                self._map.value_marks[key] = mark
            self._key = None
        else:
            self._root = value

    def _count(self, event: Event) -> None:
        self._nodes += 1
        if self._nodes > self._most_nodes:
            self._too_many(event)

    def _too_many(self, event: Event) -> NoReturn:
        hint = "split the file, or raise limits.nodes in runbook.toml"
        self._report("RB008", self._mark(event), f"the file holds more than {self._most_nodes:,} values", hint)
        raise StopReadingError

    def _only_document(self, event: Any) -> None:
        end: EventMark = event.end_mark
        if not _END_OF_FILE.match(self._text, end.index):
            place = self._lines.inside(end.line + 1, end.column + 1)
            self._report("RB009", place, "the file goes on behind its first document", "put it into another file")

    def _mark(self, event: Event) -> Mark:
        return event.start_mark.line + 1, event.start_mark.column + 1

    def _report(self, rule: str, mark: Mark, message: str, hint: str) -> None:
        place = Location(file=self._file, line=mark[0], column=mark[1])
        if len(self.diagnostics) == MOST_FINDINGS:
            self.diagnostics.append(
                diagnostic("RB018", place, f"more than {MOST_FINDINGS:,} problems; the rest is left")
            )
            raise StopReadingError
        self.diagnostics.append(diagnostic(rule, place, message, hint))
