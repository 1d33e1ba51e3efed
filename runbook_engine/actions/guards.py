"""Makes a command checkable: the conditions under which it counts as done or as not needed."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from runbook_engine.sdk import ActionContext, Change, Command, Finding, Params, satisfied, unknown, unsatisfied

SHELL = "/bin/sh"


class Guarded(Params):
    """The conditions that `command.run` and `script.run` share, with Ansible's meaning."""

    creates: str | None = Field(
        None,
        description="path on the target that is there once the command has done its work; relative to `cwd`",
        examples=["/opt/app/1.4.2"],
    )
    removes: str | None = Field(
        None,
        description="path on the target that is gone once the command has done its work; relative to `cwd`",
        examples=["/opt/app/lock"],
    )
    unless: list[str] | str | None = Field(
        None,
        description="command (argv, or a text for /bin/sh) that only reads; exit status 0 means that the work is done",
        examples=[["test", "-e", "/opt/app/current"]],
    )
    only_if: list[str] | str | None = Field(
        None,
        description="command (argv, or a text for /bin/sh) that only reads; any exit status but 0 means not needed",
        examples=["grep -q standby /etc/app/role"],
    )
    cwd: str | None = Field(
        None,
        description="folder on the target to run in; without it that is the login's home, and on this machine the "
        "project's folder",
        examples=["/opt/app"],
    )


@dataclass(frozen=True, slots=True)
class _Sign:
    """One condition: whether it says done, and the words for both answers."""

    done: bool
    yes: str
    no: str


def probes_of(params: Guarded) -> tuple[tuple[str, ...], ...]:
    """Name the commands that the conditions run."""
    return tuple(as_argv(command) for command in (params.only_if, params.unless) if command is not None)


def as_argv(command: Sequence[str] | str) -> tuple[str, ...]:
    """Give the argv of a command; a text goes to /bin/sh."""
    return (SHELL, "-c", command) if isinstance(command, str) else tuple(command)


def look(params: Guarded, context: ActionContext, what: str) -> Finding:
    """Tell whether the command that `what` names has done its work, is not needed, or can't be judged."""
    if params.only_if is not None and not _succeeds(params.only_if, params, context):
        return satisfied("not needed: the only_if command says no")
    signs = _signs(params, context)
    change = Change(what="run", after=what)
    if not signs:
        return unknown(f"only running it would tell: {what}", changes=(change,))
    for sign in signs:
        if sign.done:
            return satisfied(sign.yes)
    return unsatisfied("; ".join(sign.no for sign in signs), changes=(change,))


def _signs(params: Guarded, context: ActionContext) -> list[_Sign]:
    signs: list[_Sign] = []
    if params.creates is not None:
        there = _is_there(params, params.creates, context)
        signs.append(_Sign(there, f"{params.creates} is there", f"{params.creates} is not there"))
    if params.removes is not None:
        there = _is_there(params, params.removes, context)
        signs.append(_Sign(not there, f"{params.removes} is gone", f"{params.removes} is still there"))
    if params.unless is not None:
        done = _succeeds(params.unless, params, context)
        signs.append(_Sign(done, "the unless command says it is done", "the unless command says it is not done"))
    return signs


def _is_there(params: Guarded, path: str, context: ActionContext) -> bool:
    """Look where the command itself would: what is relative begins at `cwd`."""
    return context.connection.stat(posixpath.join(params.cwd or "", path)) is not None


def _succeeds(command: Sequence[str] | str, params: Guarded, context: ActionContext) -> bool:
    probe = Command(argv=as_argv(command), cwd=params.cwd)
    return context.connection.run(probe, timeout=context.remaining()).exit_status == 0
