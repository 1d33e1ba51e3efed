"""The reference page of the runbook format, from the schema that editors and the loader share."""

import json
from collections.abc import Iterator, Mapping

from runbook_engine.app.list_actions import type_in_words
from runbook_engine.cli.reference_actions import cell
from runbook_engine.model.json import JsonObject
from runbook_engine.model.rules import RULES

_HEAD = """\
# The runbook format, version 1

A runbook is a YAML file in `runbooks/`, named as the runbook. Its steps form a graph: `needs`, and references such as
`steps['restore-db'].endpoint`, are the only order there is. Durations are written `90s`, `15m`, `1h30m`, `365d`.
Unknown keys are errors. [runbook.schema.json](runbook.schema.json) is the same for editors: put
`# yaml-language-server: $schema=../docs/reference/runbook.schema.json` on the file's first line.
`runbook schema` prints it with your plugins' actions, `runbook schema --of team|cases|config|inventory` those of the
other files.
"""
_COMMUNICATION = (
    "Messages that the run owes to an audience, from the good end of one step to that of another: see "
    "[keep people told](../how-to/keep-people-told.md). Each item of `first`, `update` and `resolved` is one "
    "action, which sends the message in one way; where it names nobody itself, it goes to the block's audience. "
    "Their templates see `message` besides (`message.what`, `number`, `text`, `last_sent_at`, `next_by`, "
    "`next_by_text` for people, `tasks`, `ended`, `running`)."
)
_TRIGGER = (
    "A condition that `runbook monitor` watches. It starts nothing: see [watch status pages](../how-to/monitor.md). "
    "Its templates see the inventory's variables on localhost, the runbook's vars, and inputs with a default."
)
_TABLES = (
    ("", "A runbook", ""),
    ("Step", "A step", "Besides these, exactly one key that names an action (see [actions](actions.md)), or `import`."),
    ("Input", "An input", ""),
    ("Objectives", "Objectives", ""),
    ("Drill", "Drill", ""),
    ("Review", "Review", ""),
    ("Retry", "Retry", ""),
    ("Communication", "A communication", _COMMUNICATION),
    ("Trigger", "A trigger", _TRIGGER),
)


def format_page(schema: JsonObject) -> str:
    """Give the page: a table of keys for each part of a runbook, then the validation rules."""
    definitions = _mapping(schema.get("$defs"))
    lines = [_HEAD]
    for name, title, text in _TABLES:
        part = _mapping(definitions.get(name)) if name else schema
        lines += [f"## {title}", "", *([text, ""] if text else []), *_keys(part, definitions), ""]
    lines += ["## Rules of `runbook validate`", "", "| rule | severity | it says that |", "|---|---|---|"]
    lines += [f"| {rule.id} | {rule.severity.value} | {cell(rule.title)} |" for rule in sorted(RULES.values(), key=_id)]
    return "\n".join(lines) + "\n"


def _id(rule: object) -> str:
    return str(getattr(rule, "id", ""))


def _keys(part: JsonObject, definitions: Mapping[str, JsonObject]) -> Iterator[str]:
    required = part.get("required")
    needed = set(required) if isinstance(required, list) else set()
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    for key, value in _mapping(part.get("properties")).items():
        if "." in key:
            continue  # an action's name
        default = "required" if key in needed else _default(value.get("default"))
        words = type_in_words(value, definitions).replace(" or null", "")
        yield f"| `{key}` | {cell(words)} | {default} | {cell(str(value.get('description', '')))} |"


def _default(value: object) -> str:
    return "" if value in (None, "", [], {}) or isinstance(value, dict) else f"`{json.dumps(value)}`"


def _mapping(value: object) -> Mapping[str, JsonObject]:
    return value if isinstance(value, dict) else {}
