"""What can be made of a file with errors, so that the rest of it is checked too and all findings come at once."""

from collections.abc import Mapping

from pydantic import ValidationError

from runbook_engine.model.runbook import Runbook, Step

_MOST_REPAIRS = 20


def draft_of(data: Mapping[str, object]) -> Runbook | None:
    """Make a runbook of the parts that are valid; None when there is no step at all.

    Steps keep their places, so that a finding about a step of the draft can be placed in the file. What could not be
    read is left out of its step; a step of which nothing can be read has no action and no needs.
    """
    raw = data.get("steps")
    steps = tuple(_step(item, index) for index, item in enumerate(raw if isinstance(raw, list) else []))
    if not steps:
        return None
    kept: dict[str, object] = {"runbook": "draft", "steps": [Step(id="draft")]}
    for key, value in data.items():
        if key not in kept:
            try:
                Runbook.model_validate({**kept, key: value})
            except ValidationError:
                # It was reported when the whole file was read; here it is only left out.
                continue
            kept[key] = value
    return Runbook.model_validate(kept).model_copy(update={"steps": steps})


def _step(raw: object, index: int) -> Step:
    """Make a step, without the keys whose values are refused."""
    nameless = f"step-{index + 1}"
    kept = dict(raw) if isinstance(raw, dict) else {}
    for _ in range(_MOST_REPAIRS):
        try:
            return Step.model_validate(kept)
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_input=False, include_context=False):
                kept.pop(str(problem["loc"][0]) if problem["loc"] else "", None)
            kept.setdefault("id", nameless)
    return Step(id=nameless)
