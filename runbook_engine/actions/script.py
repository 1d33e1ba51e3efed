"""script.run: a script of the project, run on the target."""

import hashlib
import shlex
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from runbook_engine.actions.command_result import CommandOutputs, ExitStatus, outputs_of
from runbook_engine.actions.guards import SHELL, Guarded, look, probes_of
from runbook_engine.sdk import (
    Action,
    ActionContext,
    Applied,
    Command,
    CommandResult,
    CommandTimeoutError,
    Effect,
    Finding,
)

READABLE = 0o755


class ScriptParams(Guarded):
    """The script and how to run it."""

    script: str = Field(min_length=1, description="path in the project", examples=["files/reindex.sh"])
    args: list[str] = Field([], description="arguments for the script", examples=[["--all"]])
    interpreter: list[str] | None = Field(
        None,
        min_length=1,
        description="argv that reads the script; default: its #! line, else /bin/sh",
        examples=[["/usr/bin/python3"]],
    )
    stdin: str | None = Field(None, description="text for the script's standard input")
    environment: dict[str, str] = Field({}, description="environment variables added to the target's own")
    directory: str = Field("/tmp", description="folder on the target that the script is put in while it runs")  # noqa: S108 - written by rename under a name that carries the attempt's token
    ok_exit_statuses: list[ExitStatus] = Field(
        [0], min_length=1, description="exit statuses that mean success", examples=[[0, 2]]
    )
    parse: Literal["json"] | None = Field(
        None, description="`json`: read standard output as JSON into the output `json`"
    )


class ScriptOutputs(CommandOutputs):
    """What the script leaves behind, and which script it was."""

    script_sha256: str = Field("", description="SHA-256 of the script that ran, hexadecimal")


class ScriptRun(Action[ScriptParams]):
    """Run a script of the project on the target.

    check: as `command.run`; the script's SHA-256 is part of what it says.
    apply: puts the script on the target under a name of this attempt, runs it detached by its interpreter (it need
    not be executable there) and removes it when it has ended. The script is not a template and must hold no secret:
    other users of the target can read it while it runs.
    """

    name = "script.run"
    project_files = ("script",)
    effect = Effect.TOKEN
    reversible = False
    Params = ScriptParams
    Outputs = ScriptOutputs
    example: ClassVar[str] = """\
script.run:
  script: files/reindex.sh
  args: [--all]
  unless: test -e /var/lib/app/index.ok
"""

    def probe_commands(self, params: ScriptParams) -> Sequence[tuple[str, ...]]:
        """Name the `only_if` and `unless` commands."""
        return probes_of(params)

    def check(self, params: ScriptParams, context: ActionContext) -> Finding:
        """Look at the conditions; a script that the project lacks is an error here already."""
        sha256 = hashlib.sha256(context.project_file(params.script)).hexdigest()
        finding = look(params, context, shlex.join([params.script, *params.args]))
        return finding.model_copy(update={"evidence": {"script_sha256": sha256}})

    def apply(self, params: ScriptParams, context: ActionContext) -> Applied:
        """Put the script there, run it, remove it."""
        content = context.project_file(params.script)
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"{params.directory.rstrip('/')}/.runbook-script-{context.run.token[:24]}-{sha256[:12]}"
        if context.connection.sha256(path) != sha256:  # a reattached attempt may be running from it
            context.connection.write(path, content, mode=READABLE)
        argv = (*(params.interpreter or _interpreter(content)), path, *params.args)
        command = Command(
            argv=argv, stdin=(params.stdin or "").encode(), cwd=params.cwd, environment=params.environment
        )
        result = _run(command, path, context)
        outputs = outputs_of(
            result, what=params.script, target=context.target.name, ok=params.ok_exit_statuses, parse=params.parse
        )
        summary = f"{params.script} ended with exit status {result.exit_status}"
        return Applied(summary=summary, outputs={**outputs, "script_sha256": sha256})


def _interpreter(content: bytes) -> tuple[str, ...]:
    """Read the #! line as the kernel does: a path and at most one argument."""
    first = content.split(b"\n", 1)[0]
    if not first.startswith(b"#!"):
        return (SHELL,)
    parts = first[2:].decode("utf-8", "replace").strip().split(None, 1)
    return tuple(part.strip() for part in parts) or (SHELL,)


def _run(command: Command, path: str, context: ActionContext) -> CommandResult:
    """Run detached; the script stays where a script that may still run could need it."""
    try:
        result = context.connection.run_detached(
            command, token=context.run.token, timeout=context.remaining(), on_output=context.output
        )
    except CommandTimeoutError as error:
        if error.killed:
            context.connection.remove(path)
        raise
    context.connection.remove(path)
    return result
