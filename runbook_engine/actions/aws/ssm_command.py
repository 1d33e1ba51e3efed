"""aws.ssm_command: a command on managed instances, sent by Systems Manager once in a run."""

from collections.abc import Sequence
from typing import ClassVar

from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.ssm_commands import (
    OVER,
    Result,
    SentCommand,
    comment,
    find_command,
    lines_of,
    results_of,
    sent_before,
)
from runbook_engine.actions.aws.ssm_params import NOT_NEEDED, SsmOutputs, SsmParams, document_parameters
from runbook_engine.actions.aws.waiting import Seen, in_words, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsClient,
    AwsError,
    Change,
    Finding,
    JsonValue,
    satisfied,
    unsatisfied,
)

SHOWS = 3.0  # seconds after which Systems Manager lists what was sent
TOLD = 5
AGENT = "is the instance running, its SSM agent online (`aws ssm describe-instance-information`), the region right?"
_NOT_TAKEN = frozenset({"deliverytimedout", "undeliverable"})
_INVALID = frozenset({"InvalidInstanceId", "UnsupportedPlatformType"})


class SsmCommand(Action[SsmParams]):
    """Send a command to managed instances, and wait for its end.

    SendCommand takes no idempotency token, and a check may not send anything: whether a command's work is done, only
    running it tells. So each command carries in its comment a mark of the run, the task and its content.
    check: a command with this step's mark ended with success, so that in one run it is sent once; another run sends it
    again. Make the commands such that a second time does no harm, or give `unless`.
    apply: sends it, or goes on waiting for one that was sent before. An answer that was lost is settled by the mark.
    A command that fails, or that an instance does not take, fails the step with each instance's words.
    For commands with secrets use command.run on a host with `ansible_connection: ssm`, which seals what it sends.
    """

    name = "aws.ssm_command"
    reversible = False
    eventual = True
    aws_reads = ("ssm:ListCommands", "ssm:ListCommandInvocations", "ssm:GetCommandInvocation")
    aws_writes = ("ssm:SendCommand",)
    duration = "seconds, and what the command takes"
    tested = ("moto", "model")
    Params = SsmParams
    Outputs = SsmOutputs
    example: ClassVar[str] = """\
aws.ssm_command:
  tags: {role: [web]}
  commands: [systemctl start app]
  unless: systemctl is-active app
  region: eu-west-1
"""

    def check(self, params: SsmParams, context: ActionContext) -> Finding:
        """Look for a command of this step."""
        ssm = client(params, context, "ssm")
        found = sent_before(params, context, ssm)
        good = next((command for command in found if command.succeeded), None)
        if good is not None:
            outputs = _outputs(good, results_of(params, ssm, good.id))
            return satisfied(f"command {good.id} ended with success", outputs=outputs)
        change = Change(what=f"command to {_where(params)}", before=None, after=_what(params))
        if not found:
            return unsatisfied(f"this run sent no such command to {_where(params)}", changes=(change,))
        last = found[0]
        if not last.is_over:
            return unsatisfied(f"command {last.id} is at it: {in_words(last.seen)}")
        return unsatisfied(f"command {last.id} ended as {last.details}", changes=(change,))

    def apply(self, params: SsmParams, context: ActionContext) -> Applied:
        """Send it, or find what was sent, and wait."""
        ssm = client(params, context, "ssm")
        before = _usable(params, context, ssm)
        if before is None:
            context.pause(SHOWS)
            before = _usable(params, context, ssm)
        name = before.id if before is not None else _send(params, context, ssm)

        def look() -> Seen | None:
            found = find_command(context, ssm, name)
            return None if found is None else found.seen

        wait_until(params, context, look, what=f"command {name}", ready=OVER)
        command = find_command(context, ssm, name)
        results = results_of(params, ssm, name)
        for stream, data in lines_of(results):
            context.output(stream, data)
        if command is None or not command.succeeded:
            raise _failed(params, name, command, results)
        idle = bool(results) and all(result.stdout.strip() == NOT_NEEDED for result in results)
        words = f"command {name} was not needed" if idle else f"command {name} ended with success"
        return Applied(summary=f"{words} on {_number(results)}", outputs=_outputs(command, results), changed=not idle)


def _usable(params: SsmParams, context: ActionContext, ssm: AwsClient) -> SentCommand | None:
    """Find a command that need not be sent: good, at it, or this attempt's own whatever became of it."""
    found = sent_before(params, context, ssm)
    return next((command for command in found if command.own or command.succeeded or not command.is_over), None)


def _send(params: SsmParams, context: ActionContext, ssm: AwsClient) -> str:
    context.progress(f"sending {params.document} to {_where(params)}")
    try:
        answer = ssm.call(
            "send_command",
            InstanceIds=list(params.instances) or None,
            Targets=[{"Key": f"tag:{key}", "Values": values} for key, values in params.tags.items()] or None,
            DocumentName=params.document,
            Parameters=document_parameters(params, context),
            Comment=comment(params, context),
            TimeoutSeconds=int(params.delivery.total_seconds()),
            MaxConcurrency=params.at_once,
            MaxErrors=params.max_errors,
        )
    except AwsError as error:
        if error.code in _INVALID:
            raise ActionFailedError(error.message, hint=AGENT) from error
        raise
    return str(answer["Command"]["CommandId"])


def _failed(params: SsmParams, name: str, command: SentCommand | None, results: Sequence[Result]) -> ActionFailedError:
    if command is not None and command.targets == 0:
        return ActionFailedError(
            f"no managed instance of {params.region} is {_where(params)}; command {name} ran nowhere", hint=AGENT
        )
    bad = [result for result in results if result.status != "Success"]
    more = f"; and {len(bad) - TOLD} more" if len(bad) > TOLD else ""
    words = "; ".join(result.in_words for result in bad[:TOLD])
    kinds = {result.status.replace(" ", "").lower() for result in bad}
    state = command.details if command is not None else "gone"
    return ActionFailedError(
        f"command {name} ended as {state}: {words}{more}" if words else f"command {name} ended as {state}",
        hint=AGENT if kinds & _NOT_TAKEN else "the output is kept with the attempt",
    )


def _outputs(command: SentCommand, results: Sequence[Result]) -> dict[str, JsonValue]:
    outputs: dict[str, JsonValue] = {
        "command": command.id,
        "results": {result.instance: result.as_json for result in results},
    }
    if len(results) == 1:
        only = results[0]
        outputs |= {"exit_status": only.exit_status, "stdout": only.stdout, "stderr": only.stderr}
    return outputs


def _number(results: Sequence[Result]) -> str:
    return "1 instance" if len(results) == 1 else f"{len(results)} instances"


def _where(params: SsmParams) -> str:
    if params.instances:
        return ", ".join(params.instances)
    return " and ".join(f"{key}={'|'.join(values)}" for key, values in params.tags.items())


def _what(params: SsmParams) -> JsonValue:
    return "\n".join(params.commands) if params.commands else {params.document: dict(params.parameters)}
