"""Small changes to what a connection is asked: the user a command runs as, the listener its output goes to."""

from dataclasses import replace
from typing import Literal

from runbook_engine.sdk import Command, OnOutput


def as_user(command: Command, user: str | None) -> Command:
    """Give the command with the connection's user, unless it names its own."""
    if user is None or command.become_user is not None:
        return command
    return replace(command, become_user=user)


def split_first_line(on_output: OnOutput | None) -> OnOutput | None:
    """Give a listener that drops standard error's first line, which is ours; None for none."""
    if on_output is None:
        return None
    hand_on = on_output
    passed: list[bool] = []

    def listen(stream: Literal["stdout", "stderr"], data: bytes) -> None:
        if stream == "stderr" and not passed:
            _, found, data = data.partition(b"\n")
            if found:
                passed.append(True)
        if data:
            hand_on(stream, data)

    return listen
