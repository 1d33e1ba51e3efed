"""Systems Manager's commands as values: found again by their comment, and what became of them on each instance."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from runbook_engine.actions.aws.marks import as_utc, token
from runbook_engine.actions.aws.ssm_params import SsmParams
from runbook_engine.actions.aws.waiting import Seen
from runbook_engine.sdk import ActionContext, AwsAnswer, AwsClient, AwsError, JsonValue, digest

PREFIX = "runbook-engine"
COMMENT = 100  # characters
SUCCESS = "Success"
OVER = frozenset({SUCCESS, "Failed", "Cancelled", "TimedOut"})
MOST_RESULTS = 50
TAIL = 2_500
LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command of this step.

    Attributes:
        targets: number of instances; None when not told.
        own: whether this very attempt sent it.
    """

    id: str
    state: str
    details: str
    sent: datetime
    targets: int | None
    completed: int
    own: bool

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in OVER

    @property
    def succeeded(self) -> bool:
        """Whether it ended well, on one instance at least."""
        return self.state == SUCCESS and self.targets != 0

    @property
    def seen(self) -> Seen:
        """How far it is."""
        return Seen(self.state, detail=f"{self.completed} of {self.targets}" if self.targets is not None else "")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of it on an instance."""

    instance: str
    status: str
    exit_status: int | None
    stdout: str
    stderr: str

    @property
    def as_json(self) -> JsonValue:
        """The result as an output, its texts cut."""
        return {
            "status": self.status,
            "exit_status": self.exit_status,
            "stdout": self.stdout[-TAIL:],
            "stderr": self.stderr[-TAIL:],
        }

    @property
    def in_words(self) -> str:
        """How it failed: `i-0a Failed, exit status 3: no such file`."""
        status = f", exit status {self.exit_status}" if self.exit_status not in {None, -1} else ""
        last = " / ".join((self.stderr or self.stdout).strip().splitlines()[-LAST_LINES:])
        return f"{self.instance} {self.status}{status}" + (f": {last}" if last else "")


def comment(params: SsmParams, context: ActionContext) -> str:
    """Give the comment of this attempt's command: who sent it, for which task and with what, and the attempt."""
    return f"{_prefix(params, context)} {token(context)[:16]} {context.run.step}"[:COMMENT]


def sent_before(params: SsmParams, context: ActionContext, ssm: AwsClient) -> list[SentCommand]:
    """List the commands that this task of this run has sent, with the same content; the newest first."""
    since = context.clock.now() - params.lookback
    filters = [{"key": "InvokedAfter", "value": as_utc(since).strftime("%Y-%m-%dT%H:%M:%SZ")}]
    if ":" not in params.document:
        filters.append({"key": "DocumentName", "value": params.document})
    one = params.instances[0] if len(params.instances) == 1 else None
    begin = f"{_prefix(params, context)} "
    found = [
        _command(item, context)
        for item in ssm.pages("list_commands", "Commands", Filters=filters, InstanceId=one)
        if str(item.get("Comment", "")).startswith(begin)
    ]
    return sorted(found, key=lambda command: command.sent, reverse=True)


def find_command(context: ActionContext, ssm: AwsClient, command: str) -> SentCommand | None:
    """Look at a command; a moment after it was sent there is none."""
    try:
        items = ssm.call("list_commands", CommandId=command).get("Commands") or []
    except AwsError as error:
        if error.code != "InvalidCommandId":
            raise
        return None
    return _command(items[0], context) if items else None


def results_of(params: SsmParams, ssm: AwsClient, command: str) -> list[Result]:
    """Say what became of it on each instance; of more than fifty the output is left out."""
    if params.instances:
        return [_result(ssm, command, instance) for instance in params.instances]
    items = list(ssm.pages("list_command_invocations", "CommandInvocations", CommandId=command))
    if len(items) <= MOST_RESULTS:
        return [_result(ssm, command, str(item["InstanceId"])) for item in items]
    return [Result(str(item["InstanceId"]), _status(item), None, "", "") for item in items]


def _prefix(params: SsmParams, context: ActionContext) -> str:
    what = [context.run.id, context.run.task, params.model_dump(mode="json", exclude={"poll", "timeout", "lookback"})]
    return f"{PREFIX} {digest(what)[:16]}"


def _command(item: AwsAnswer, context: ActionContext) -> SentCommand:
    return SentCommand(
        id=item["CommandId"],
        state=item.get("Status", ""),
        details=item.get("StatusDetails") or item.get("Status", ""),
        sent=as_utc(item["RequestedDateTime"]),
        targets=item.get("TargetCount"),
        completed=item.get("CompletedCount") or 0,
        own=f" {token(context)[:16]} " in f"{item.get('Comment', '')} ",
    )


def _result(ssm: AwsClient, command: str, instance: str) -> Result:
    try:
        found = ssm.call("get_command_invocation", CommandId=command, InstanceId=instance)
    except AwsError as error:
        # A document of several plugins has an output for each; one that was never begun has none.
        if error.code not in {"InvalidPluginName", "InvocationDoesNotExist"}:
            raise
        return Result(instance, "no single output", None, "", "")
    return Result(
        instance,
        _status(found),
        found.get("ResponseCode"),
        found.get("StandardOutputContent") or "",
        found.get("StandardErrorContent") or "",
    )


def _status(item: AwsAnswer) -> str:
    return str(item.get("StatusDetails") or item.get("Status") or "")


def lines_of(results: list[Result]) -> Iterator[tuple[str, bytes]]:
    """Give what is put out, by stream, each instance under its name."""
    for result in results:
        for stream, text in (("stdout", result.stdout), ("stderr", result.stderr)):
            if text:
                yield stream, f"{result.instance}:\n{text.rstrip()}\n".encode()
