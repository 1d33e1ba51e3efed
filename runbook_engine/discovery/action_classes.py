"""Which classes of a module are actions, and whether each is declared as an action must be."""

import inspect
import re
from collections.abc import Iterator
from types import ModuleType

from runbook_engine.ports.action import Action, Effect, Gate, Outputs, Params

_METHODS = ("check", "apply", "revert", "probe_commands")
_FACTS = ("name", "Params", "Outputs", "effect", "aws_reads", "aws_writes")
_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


def action_classes(module: ModuleType) -> Iterator[type[Action[Params]]]:
    """Give the action classes that a module itself defines; a class without a name of its own is a base of others."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Action) and value.__module__ == module.__name__:
            has_subclass = any(base.__module__ == module.__name__ for base in value.__subclasses__())
            if not (has_subclass and not hasattr(value, "name")) and not inspect.isabstract(value):
                yield value


def declaration_problem(action: type[Action[Params]]) -> str:
    """Say what is wrong with an action's declaration; empty when nothing is."""
    return next(_problems(action), "")


def place_of(action: type[Action[Params]]) -> tuple[str, int]:
    """Give the file and line where an action is declared; line 0 when they can't be told."""
    try:
        return inspect.getsourcefile(action) or "", inspect.getsourcelines(action)[1]
    except (OSError, TypeError):
        return "", 0


def _problems(action: type[Action[Params]]) -> Iterator[str]:
    declared: dict[str, object] = {name: getattr(action, name, None) for name in (*_METHODS, *_FACTS)}
    name = declared["name"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"its name is {name!r}, but must be a text like 'family.verb'"
    for attribute, base in (("Params", Params), ("Outputs", Outputs)):
        kind = declared[attribute]
        if not (isinstance(kind, type) and issubclass(kind, base)):
            yield f"its {attribute} must be a class derived from runbook_engine.sdk.{attribute}"
    if not issubclass(action, Gate) and declared["check"] is Action.check:
        yield "it has no check"
    for method in _METHODS:
        if declared[method] is not None and not callable(declared[method]):
            yield f"its {method} is not a method"
    if not isinstance(declared["effect"], Effect):
        yield f"its effect is {declared['effect']!r}, but must be one of Effect"
    for attribute in ("aws_reads", "aws_writes"):
        operations = declared[attribute]
        if not isinstance(operations, tuple) or not all(isinstance(item, str) for item in operations):
            yield f"its {attribute} must be a tuple of texts like 'rds:DescribeDBInstances'"
