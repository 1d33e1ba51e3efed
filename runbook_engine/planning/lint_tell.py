"""Lint of the channels over which the monitor tells people (runbook.toml's `monitor.tell`)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from runbook_engine.expressions.references import facts_in
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.json import JsonObject
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import ActionCall
from runbook_engine.planning.lint_actions import lint_call
from runbook_engine.ports.action import Gate
from runbook_engine.ports.catalog import Catalog


def lint_tell(
    tell: Sequence[Mapping[str, JsonObject]],
    at: Callable[..., Location],
    catalog: Catalog,
    defaults: Mapping[str, JsonObject],
) -> Iterator[Diagnostic]:
    """Check each channel: its action tells people, and takes these parameters; its templates are well-formed.

    Args:
        at: gives the place of a path in runbook.toml.
    """
    for index, table in enumerate(tell):
        for name, params in table.items():
            place = partial(at, "monitor", "tell", index)
            call = ActionCall(name=name, params=params)
            action = yield from lint_call(place, call, catalog, (name,), (name,), defaults)
            if action is not None and (isinstance(action, Gate) or not hasattr(action, "apply")):
                yield diagnostic("RB405", place(name), f"{name} tells nobody", "name one such as notify.email")
            for problem in facts_in(params).problems:
                yield diagnostic("RB204", place(name, *problem.path), problem.message, problem.hint)
            for reference in sorted(facts_in(params).references):
                text = f"there is no step {reference!r} where the monitor tells people"
                yield diagnostic("RB205", place(name), text, "use the names under `alarm`")
