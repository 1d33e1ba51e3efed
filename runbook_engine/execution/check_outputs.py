"""Holds an action's outputs against the types that it declares, since later steps rely on them."""

import json
from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonObject
from runbook_engine.ports.action import Action, Outputs, Params


def check_outputs(action: Action[Params], outputs: JsonObject) -> None:
    """Check what an action gave; a declared output may be missing, but not of another type.

    Raises:
        RunbookError: an output has another type than declared, or is no JSON; names the action.
    """
    for name, value in outputs.items():
        try:
            json.dumps(value, allow_nan=False)
            adapter = _adapters(action.Outputs).get(name)
            if adapter is not None:
                adapter.validate_python(value)
        except (TypeError, ValueError) as error:
            problem = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise RunbookError(
                f"{action.name} gave an output {name!r} that is not as it declares: {problem}",
                hint="this is a defect of the action",
            ) from None


@cache
def _adapters(outputs: type[Outputs]) -> dict[str, TypeAdapter[Any]]:
    return {
        field.alias or name: TypeAdapter[Any](cast("Any", field.annotation))
        for name, field in outputs.model_fields.items()
    }
