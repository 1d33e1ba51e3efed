"""Folds YAML as Ansible reads it: merge keys, keys that are numbers or booleans, and tags of YAML's own types."""

import json

from runbook_engine.loading.scalars import SPECIAL_STARTS, read_plain_1_1
from runbook_engine.loading.yaml_events import Event
from runbook_engine.loading.yaml_fold import Fold
from runbook_engine.model.located import LocatedDict, LocatedList, Mark
from runbook_engine.model.quoting import quoted

# Stands as a key where `<<` was written, until its mapping ends; NUL is in no key of a file.
_MERGE = "\0<<"
# What these say is so without them: all data is unsafe, and a collection is what its brackets say.
_SAID_ANYWAY = frozenset({"!unsafe", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_TEXT = frozenset({"!unsafe", "tag:yaml.org,2002:str"})


class ValueKey(str):
    """A key that YAML 1.1 takes for a number or a boolean, written as JSON does: `on` is "true", `017` is "15"."""

    __slots__ = ()


class AnsibleFold(Fold):
    """Reads one document of YAML 1.1."""

    def _scalar(self, event: Event) -> None:
        if self._map is None or self._key is not None or not self._took_key(event, self._map):
            super()._scalar(event)

    def _took_key(self, event: Event, mapping: LocatedDict) -> bool:
        """Take a scalar as a key if it means another one in YAML 1.1 than its text."""
        text: str = event.value
        if event.tag is not None:
            if event.tag not in _TEXT:
                return False
            event.tag, event.implicit = None, (False, True)
        if not event.implicit[0] or not text:
            return False
        key: str = _MERGE
        if text != "<<":
            plain = read_plain_1_1(text) if text[0] in SPECIAL_STARTS else None
            if plain is None or plain.value is None or isinstance(plain.value, str):
                return False
            key = ValueKey(json.dumps(plain.value))
        mark = self._mark(event)
        if key in mapping.key_marks:
            line = mapping.key_marks[key][0]
            self._report("RB010", mark, f"the key {quoted(text)} stands in line {line} already", "keep one of the two")
            event.implicit = (False, True)  # the rest is read with the key's text as its name
            return False
        self._count(event)
        mapping.key_marks[key] = mark
        self._key = key
        return True

    def _begin(self, event: Event, node: LocatedDict | LocatedList, mark: Mark) -> None:
        if event.tag in _SAID_ANYWAY:
            event.tag = None
        super()._begin(event, node, mark)

    def _end(self, event: Event) -> None:
        if self._map is not None and _MERGE in self._map.key_marks:
            self._merge(self._map)
        super()._end(event)

    def _merge(self, mapping: LocatedDict) -> None:
        """Put what `<<` brings in front of the mapping's own; of several the first is the strongest."""
        mark = mapping.key_marks.pop(_MERGE)
        mapping.value_marks.pop(_MERGE, None)
        value = mapping.pop(_MERGE, None)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, LocatedDict) for part in parts):
            self._report(
                "RB012", mark, "what << merges is no mapping", "write an alias of a mapping, or a list of them"
            )
            return
        own, own_marks, own_key_marks = dict(mapping), dict(mapping.value_marks), dict(mapping.key_marks)
        mapping.clear()
        for part in reversed(parts):
            mapping.update(part)
            mapping.value_marks.update(part.value_marks)
            mapping.key_marks.update(part.key_marks)
        mapping.update(own)
        mapping.value_marks.update(own_marks)
        mapping.key_marks.update(own_key_marks)
