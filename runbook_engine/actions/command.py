"""command.run: a command on the target, detached, so that it survives the connection and the engine."""

import shlex
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from runbook_engine.actions.command_result import CommandOutputs, ExitStatus, outputs_of
from runbook_engine.actions.guards import Guarded, as_argv, look, probes_of
from runbook_engine.sdk import Action, ActionContext, Applied, Command, Effect, Finding


class CommandParams(Guarded):
    """Exactly one of `argv` and `shell`."""

    argv: list[str] | None = Field(
        None,
        min_length=1,
        description="the command and its arguments; no shell reads them",
        examples=[["/opt/app/deploy", "--fast"]],
    )
    shell: str | None = Field(
        None, min_length=1, description="a text for /bin/sh -c", examples=["cd /opt/app && ./deploy"]
    )
    stdin: str | None = Field(None, description="text for the command's standard input", examples=["yes\n"])
    # Defaults from factories: pydantic would make a deep copy of others for each of a long runbook's steps.
    environment: dict[str, str] = Field(
        default_factory=dict,
        description="environment variables added to the target's own",
        json_schema_extra={"default": {}},
    )
    ok_exit_statuses: list[ExitStatus] = Field(
        default_factory=lambda: [0],
        min_length=1,
        description="exit statuses that mean success",
        examples=[[0, 2]],
        json_schema_extra={"default": [0]},
    )
    parse: Literal["json"] | None = Field(
        None, description="`json`: read standard output as JSON into the output `json`"
    )

    @model_validator(mode="after")
    def _one_command(self) -> Self:
        if (self.argv is None) == (self.shell is None):
            raise ValueError("give exactly one of argv (a list) and shell (a text)")
        return self


class CommandRun(Action[CommandParams]):
    """Run a command on the target.

    check: done when `creates` is there, `removes` is gone or `unless` exits with 0; not needed when `only_if` exits
    with anything else. Without any of these nobody can tell, and the command runs each time.
    apply: runs it detached: a lost connection or a killed engine doesn't end it, and the same attempt made again
    reattaches to it or reads how it ended, so that it runs once.
    """

    name = "command.run"
    effect = Effect.TOKEN
    reversible = False
    Params = CommandParams
    Outputs = CommandOutputs
    example: ClassVar[str] = """\
command.run:
  argv: [/opt/app/deploy, --version, 1.4.2]
  creates: /opt/app/releases/1.4.2/.complete
"""

    def probe_commands(self, params: CommandParams) -> Sequence[tuple[str, ...]]:
        """Name the `only_if` and `unless` commands."""
        return probes_of(params)

    def check(self, params: CommandParams, context: ActionContext) -> Finding:
        """Look at the conditions."""
        return look(params, context, shlex.join(_argv(params)))

    def apply(self, params: CommandParams, context: ActionContext) -> Applied:
        """Run the command, or reattach to it."""
        argv = _argv(params)
        command = Command(
            argv=argv, stdin=(params.stdin or "").encode(), cwd=params.cwd, environment=params.environment
        )
        result = context.connection.run_detached(
            command, token=context.run.token, timeout=context.remaining(), on_output=context.output
        )
        what = argv[0] if params.argv else "the shell command"
        outputs = outputs_of(
            result, what=what, target=context.target.name, ok=params.ok_exit_statuses, parse=params.parse
        )
        again = ", found from an earlier start" if result.reattached else ""
        return Applied(summary=f"{what} ended with exit status {result.exit_status}{again}", outputs=outputs)


def _argv(params: CommandParams) -> tuple[str, ...]:
    return as_argv(params.argv or params.shell or "")
