"""What aws.ssm_command is told and what it gives."""

import shlex
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from runbook_engine.actions.aws.common import PolledParams
from runbook_engine.sdk import ActionContext, Outputs, PositiveDuration

SHELL, POWERSHELL = "AWS-RunShellScript", "AWS-RunPowerShellScript"
NOT_NEEDED = "runbook-engine: not needed"
SHORTEST_DELIVERY = timedelta(seconds=30)
LONGEST_EXECUTION = 172_800  # seconds that the two documents take
Instance = Annotated[str, Field(pattern=r"^(i-(\w{8}|\w{17})|mi-\w{17})$")]
Share = Annotated[str, Field(pattern=r"^([1-9][0-9]*|[1-9][0-9]?%|100%|0)$")]


class SsmParams(PolledParams):
    """What to run, and on which instances."""

    instances: list[Instance] = Field(
        [], max_length=50, description="ids of managed instances", examples=[["i-0123456789abcdef0"]]
    )
    tags: dict[str, list[str]] = Field(
        {}, max_length=5, description="in place of instances: tags that they have", examples=[{"role": ["web"]}]
    )
    commands: list[str] = Field(
        [],
        description="lines of a script. Systems Manager keeps them, and their output, for 30 days in clear: no secrets",
        examples=[["systemctl restart app"]],
    )
    unless: str | None = Field(
        None,
        min_length=1,
        description="command for /bin/sh on each instance that only reads; exit status 0 means that the script is not "
        "needed there. It runs with the script, so that a dry run can't ask it",
        examples=["curl -fsS http://localhost/health"],
    )
    document: str = Field(
        SHELL, pattern=r"^[a-zA-Z0-9_\-.:/]{3,128}$", description="document to run", examples=[SHELL, "AWS-ApplyPatch"]
    )
    parameters: dict[str, list[str]] = Field(
        {}, description="the document's parameters", examples=[{"Operation": ["Install"]}]
    )
    at_once: Share = Field("50", description="greatest number or share of instances at once", examples=["1", "25%"])
    max_errors: Share = Field("0", description="failures after which no more are begun", examples=["0", "10%"])
    delivery: PositiveDuration = Field(
        timedelta(minutes=10),
        description="time that an instance has to take it, 30s at least",
        examples=["2m"],
    )
    lookback: PositiveDuration = Field(
        timedelta(days=7), description="age to which this run's earlier command is looked for", examples=["7d"]
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.instances) == bool(self.tags):
            raise ValueError("give exactly one of instances and tags")
        script = self.document in {SHELL, POWERSHELL}
        if script != bool(self.commands):
            raise ValueError(f"commands go with {SHELL} or {POWERSHELL}, which need them; others take parameters")
        if self.unless is not None and self.document != SHELL:
            raise ValueError(f"unless goes with {SHELL} only")
        if {"commands", "executionTimeout"} & self.parameters.keys():
            raise ValueError("commands and executionTimeout are not given as parameters")
        if self.delivery < SHORTEST_DELIVERY:
            raise ValueError("delivery is 30s at least")
        return self


class SsmOutputs(Outputs):
    """What became of it."""

    command: str = Field("", description="id of the command in Systems Manager")
    exit_status: int | None = Field(None, description="exit status, where there is one instance")
    stdout: str = Field("", description="standard output of the one instance, 24,000 characters at most")
    stderr: str = Field("", description="standard error, likewise")
    results: dict[str, JsonValue] = Field(
        {}, description="by instance: status, exit_status, and the last 2,500 characters of stdout and stderr"
    )


def document_parameters(params: SsmParams, context: ActionContext) -> dict[str, list[str]]:
    """Give the parameters of the document; a script may take as long as the step has left."""
    if not params.commands:
        return dict(params.parameters)
    lines = list(params.commands)
    if params.unless is not None:
        probe = f"/bin/sh -c {shlex.quote(params.unless)} >/dev/null 2>&1"
        lines.insert(0, f"if {probe}; then echo {shlex.quote(NOT_NEEDED)}; exit 0; fi")
    seconds = min(max(int(context.remaining()), 1), LONGEST_EXECUTION)
    return {**params.parameters, "commands": lines, "executionTimeout": [str(seconds)]}
