"""What the templates in a value refer to, without running them: steps, names, secrets; and what is wrong with them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from runbook_engine.expressions.facts import NOTHING, Facts, Path, TemplateProblem, facts_of, together
from runbook_engine.model.json import JsonObject, JsonValue

_COLLECTIONS = (list, tuple, dict, Mapping)


def facts_in(value: JsonValue, *, bare: bool = False) -> Facts:
    """Give the facts of all texts in a value; with `bare` they are expressions without braces.

    Problems come with the path to their text.
    """
    if isinstance(value, str):
        return facts_of(value, bare=bare)
    if not isinstance(value, _COLLECTIONS):
        return NOTHING
    found: list[Facts] = []
    for path, text in _texts(value, "" if bare else "{"):
        facts = facts_of(text, bare=bare)
        if facts.problems:
            facts = replace(facts, problems=tuple(replace(problem, path=path) for problem in facts.problems))
        if facts is not NOTHING:
            found.append(facts)
    return together(found)


def references(text: str, *, bare: bool = False) -> frozenset[str]:
    """Give the ids of the steps that a template refers to as `steps['x']` or `steps.x`.

    With `bare` the text is an expression without braces. A text that can't be parsed refers to nothing;
    `check_syntax` reports it.
    """
    return facts_of(text, bare=bare).references


def references_in(value: JsonValue, variables: JsonObject | None = None, *, bare: bool = False) -> frozenset[str]:
    """Give the ids of the steps that any text in a value refers to, through `variables` (vars of the runbook) too."""
    facts = facts_in(value, bare=bare)
    found = set(facts.references)
    pending, seen = list(facts.names), set[str]()
    while pending:
        name = pending.pop()
        if variables and name in variables and name not in seen:
            seen.add(name)
            more = facts_in(variables[name])
            found |= more.references
            pending.extend(more.names)
    return frozenset(found)


def names_used(value: JsonValue, *, bare: bool = False) -> frozenset[str]:
    """Give the names that the templates in a value look up in their scope."""
    return facts_in(value, bare=bare).names


def secret_references(value: JsonValue, *, bare: bool = False) -> list[str]:
    """Give the references of `secret('…')` in a value, in order; those that are computed can't be told."""
    if not _holds(value, "secret"):
        return []
    return list(facts_in(value, bare=bare).secrets)


def check_syntax(value: JsonValue, *, bare: bool = False) -> list[TemplateProblem]:
    """Find everything that is wrong with the templates in a value without running them."""
    return list(facts_in(value, bare=bare).problems)


def _holds(value: JsonValue, words: str) -> bool:
    """Tell whether any text holds these words; most values of a long runbook hold none, and need no paths."""
    if isinstance(value, str):
        return words in value
    pending: list[Iterable[JsonValue]] = [(value,)]
    while pending:
        for part in pending.pop():
            if isinstance(part, str):
                if words in part:
                    return True
            elif isinstance(part, list | tuple):
                pending.append(part)
            elif isinstance(part, Mapping):
                pending.append(part.values())
    return False


def _texts(value: JsonValue, words: str) -> Iterator[tuple[Path, str]]:
    """Give the texts in a list or mapping that hold these words, each with its path, in the order they are written."""
    # (A long runbook has hundreds of thousands of texts, and few are templates: what is not given costs no path.)
    pending: list[tuple[Path, JsonValue]] = [((), value)]
    while pending:
        path, part = pending.pop()
        if isinstance(part, str):
            yield path, part
            continue
        # (What is asked first is quick to tell; whether something is a mapping of another kind is not.)
        if isinstance(part, list) or isinstance(part, tuple):  # noqa: SIM101 - a union is made anew each time
            items: Iterable[tuple[str | int, JsonValue]] = enumerate(part)
        elif isinstance(part, Mapping):
            items = part.items()
        else:
            continue
        chosen: list[tuple[Path, JsonValue]] = []
        for key, item in items:
            if item.__class__ is str:
                if words in item:
                    chosen.append(((*path, key), item))
            elif isinstance(item, _COLLECTIONS) or (isinstance(item, str) and words in item):
                chosen.append(((*path, key), item))
        pending += reversed(chosen)
