"""What somebody has to know who turns a playbook into a runbook."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a part of a playbook.

    Attributes:
        file, line: where it stands; line from 1.
        task: the task's name, or another word for the part.
        text: what became of it, or what is different now.
        by_hand: whether the part became a `manual.task`, because nothing here does what it did.
    """

    file: str
    line: int
    task: str
    text: str
    by_hand: bool = False


class CannotConvertError(Exception):
    """A task can't be turned into an action that does the same; the text says why, for people."""
