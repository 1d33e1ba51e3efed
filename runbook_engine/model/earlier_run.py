"""What a run is told of an earlier run that it goes by: an input's value, kept with the run like any other."""

from typing import TypeGuard

from runbook_engine.model.json import JsonObject, JsonValue


def is_earlier_run(value: object) -> TypeGuard[JsonObject]:
    """Tell whether an input's value is what `runbook run --from-run RUN` gives."""
    if not isinstance(value, dict):
        return False
    texts = all(isinstance(value.get(name), str) for name in ("id", "runbook", "status"))
    return texts and all(isinstance(value.get(name), dict) for name in ("inputs", "steps"))


def input_in_short(value: JsonValue) -> JsonValue:
    """Give an input's value as a line has room for it: of an earlier run its id."""
    return f"run {value['id']}" if is_earlier_run(value) else value
