"""What repeats a task: its loop, its retries, and until when."""

import json
import re
from collections.abc import Mapping
from typing import cast

from runbook_engine.loading.nesting import plain
from runbook_engine.loading.playbook.modules import Draft
from runbook_engine.loading.playbook.parts import Task
from runbook_engine.loading.playbook.remarks import CannotConvertError
from runbook_engine.model.json import JsonValue

RESULT_TEST = re.compile(r"\bis\s+(?:not\s+)?(?:succeeded|success|failed|changed|skipped|finished|started)\b")
"""A test of how a module ended, which no output tells."""

_DEFAULT_RETRIES = 3


def repeated(task: Task, words: Mapping[str, object], notes: list[str]) -> Draft:
    """Give the words of a step by which it is done several times.

    Raises:
        CannotConvertError: it would be repeated otherwise here.
    """
    step: Draft = {}
    loops = [word for word in task.words if word == "loop" or word.startswith("with_")]
    if loops:
        if loops[0] not in {"loop", "with_items", "with_list"} or len(loops) > 1:
            raise CannotConvertError(f"it repeats by `{loops[0]}`")
        control = words.get("loop_control")
        if isinstance(control, dict) and control.keys() - {"label", "pause"}:
            raise CannotConvertError("`loop_control` gives the item another name")
        step["loop"] = _loop(task.words[loops[0]], flat=loops[0] == "with_items")
        # Items of a loop are done at once here, and may build on each other there.
        step["parallel"] = 1
        notes.append("items run one after another, and so do hosts: leave `parallel` out where order means nothing")
    if (until := words.get("until")) is not None or "retries" in words:
        retries = words.get("retries", _DEFAULT_RETRIES)
        if not isinstance(retries, int):
            raise CannotConvertError(f"`retries` depends on {retries!r}")
        retry: Draft = {"attempts": 1 + max(0, retries)}  # Ansible does not count the first one
        step["retry"] = retry
        if isinstance(delay := words.get("delay", 5), int):
            retry["delay"] = f"{delay}s"
        if until is not None:
            retry["until"] = _until(str(until), str(words.get("register") or ""))
            notes.append("`until` sees the outputs of the action as `result`")
    return step


def _loop(value: object, *, flat: bool) -> JsonValue:
    """Give a loop's items, or the expression for them; `with_items` takes lists among its items apart."""
    if isinstance(value, list):
        if not flat:
            return _plain(value)
        if not any(isinstance(item, str) and _expression(item) for item in value):
            parts = [item if isinstance(item, list) else [item] for item in value]
            return _plain([item for part in parts for item in part])
        words = [_expression(item) or json.dumps(_plain(item)) if isinstance(item, str) else None for item in value]
        if None in words or any("{{" in str(word) for word in words):
            raise CannotConvertError("`with_items` mixes lists that templates name with other things")
        return f"[{', '.join(str(word) for word in words)}] | flatten(1)"
    text = str(value).strip()
    found = _expression(text) or text
    return f"({found}) | flatten(1)" if flat else found


def _expression(text: str) -> str:
    """Give the expression of a text that is one template and nothing else; empty for others."""
    text = text.strip()
    is_one = text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1
    return text[2:-2].strip() if is_one else ""


def _until(text: str, name: str) -> str:
    if RESULT_TEST.search(text):
        raise CannotConvertError(f"`until: {text}` asks how the module ended")
    text = re.sub(rf"\b{re.escape(name)}\b", "result", text) if name else text
    return re.sub(r"\bresult\.rc\b", "result.exit_status", text)


def _plain(value: object) -> JsonValue:
    return cast("JsonValue", plain(value))  # YAML's values are JSON's
