"""Small changes to what a connection is asked: the user a command runs as, what of its output is its own."""

from dataclasses import dataclass, field, replace
from typing import Literal

from runbook_engine.sdk import Command, OnOutput


def as_user(command: Command, user: str | None) -> Command:
    """Give the command with the connection's user, unless it names its own."""
    if user is None or command.become_user is not None:
        return command
    return replace(command, become_user=user)


def split_mark(content: bytes, mark: bytes) -> tuple[bytes, bytes] | None:
    """Split what a stream said into the rest of the line with the mark, and what follows it; None before that line."""
    line, ended, rest = content.partition(mark)[2].partition(b"\n")
    return (line, rest) if ended else None


@dataclass(slots=True)
class BehindMark:
    """A listener that hands on what follows the line with a mark: a login may print text before it."""

    hand_on: OnOutput
    mark: bytes
    _passed: set[str] = field(default_factory=set)
    _before: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """Take the next bytes of a stream."""
        if stream not in self._passed:
            content = self._before.get(stream, b"") + data
            found = split_mark(content, self.mark)
            if found is None:
                at = content.find(self.mark)
                self._before[stream] = content[at:] if at >= 0 else content[-len(self.mark) :]
                return
            self._passed.add(stream)
            data = found[1]
        if data:
            self.hand_on(stream, data)
