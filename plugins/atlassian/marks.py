"""The marks by which what a step made is found again: the same in every attempt, another for each step and run."""

import hashlib

from runbook_engine.sdk import ActionContext, RunFacts


def mark_of(run: RunFacts, key: str | None = None) -> str:
    """Give the mark of a step, or of a key of the author's that several runs share."""
    return "dr-" + _digest(f"key\0{key}" if key is not None else f"run\0{run.id}\0{run.task}")


def attempt_mark(context: ActionContext) -> str:
    """Give what tells this attempt from others, the same after a crash."""
    return _digest(context.run.token)


def marked(text: str, mark: str) -> str:
    """Give the text with the mark below it, where people read it as a reference."""
    return f"{text.rstrip()}\n\nReference: {mark}".lstrip()


def holds(text: str, mark: str) -> bool:
    """Tell whether a text that came back has the mark, however the service laid it out."""
    return mark in text


def _digest(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()[:16]
