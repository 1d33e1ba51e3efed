"""Events to fill journals with: a short run, and one of each kind with the smallest content that is valid."""

import hashlib
import json
from typing import Any

from runbook_engine.model.event import (
    EVENT,
    Actor,
    AttemptFinished,
    AttemptStarted,
    GateOpened,
    LeaseTaken,
    NoteAdded,
    RunOpened,
    StepSummary,
    TaskSkipped,
)
from runbook_engine.model.outcome import Outcome

ACTOR = Actor(name="dana", os_user="dana", host="laptop")
OPENING = RunOpened(
    runbook="region-failover",
    inventory="demo",
    mode="drill",
    fingerprint="f" * 64,
    engine_version="1",
    steps=tuple(StepSummary(id=name, digest="", tasks=1, targets_digest="") for name in ("a", "b", "gate")),
    tasks=3,
)
_WORDS = {"task": "a@h", "step": "a", "sha256": "f" * 64}


def a_run():
    """Give the events of a run that has not ended."""
    digest = {"stdout": hashlib.sha256(b"x" * 100).hexdigest()}
    return [
        LeaseTaken(holder="x", fence=1),
        AttemptStarted(task="a@h", number=1, token="t"),
        AttemptFinished(task="a@h", number=1, outcome=Outcome.CHANGED, output_digest=digest, seconds=1.5),
        TaskSkipped(task="b@h", reason="x"),
        GateOpened(task="gate@localhost", fingerprint="f" * 64, message="go on?", roles=("r",)),
        NoteAdded(text="nöte"),
    ]


def one_of_each_kind() -> list[bytes]:
    """Give a line for each kind of event, and one with everything that it may have."""
    schema = EVENT.json_schema()
    known = schema["$defs"]
    return [
        json.dumps(_sample(known[ref["$ref"].rpartition("/")[2]], known, whole=whole, name="")).encode()
        for whole in (False, True)
        for ref in schema["oneOf"]
    ]


def _sample(  # noqa: PLR0911, PLR0912 - a case for each kind of schema
    schema: dict[str, Any], known: dict[str, Any], *, whole: bool, name: str
) -> Any:
    """Give a small value that a JSON schema allows."""
    if "$ref" in schema:
        return _sample(known[schema["$ref"].rpartition("/")[2]], known, whole=whole, name=name)
    for key in ("const", "default") if not whole else ("const",):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _sample(schema[several][0], known, whole=whole, name=name)
    match schema.get("type"):
        case "object":
            wanted = schema.get("properties", {})
            names = wanted if whole else [one for one in wanted if one in schema.get("required", ()) or one == "kind"]
            return {one: _sample(wanted[one], known, whole=whole, name=one) for one in names}
        case "array":
            return [_sample(schema["items"], known, whole=whole, name=name)] if whole and "items" in schema else []
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "string" if schema.get("format") == "date-time":
            return "2026-11-26T01:02:03Z"
        case "string" if schema.get("format") == "duration":
            return "PT5M"
        case "string":
            return _WORDS.get(name, name or "x")
    return None
