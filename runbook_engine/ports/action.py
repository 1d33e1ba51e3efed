"""What an action is: typed parameters, a check, an apply, perhaps a revert, and the hands they are given."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from runbook_engine.model.base import Frozen
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import Target
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Finding, Mode
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.connection import Connection
from runbook_engine.ports.services import AwsClient, HttpClient, Mailer, SqlDatabase


class ActionFailedError(RunbookError):
    """The action could not do what it is for; the message says what the peer said.

    Attributes:
        outputs: what was done before it failed; the next attempt of the task gets it as `context.recorded`.
        for_good: the peer refused it for what it is: the same once more would be refused again, so that it is not
            retried by itself.
    """

    def __init__(
        self, message: str, *, hint: str = "", outputs: JsonObject | None = None, for_good: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.outputs: JsonObject = outputs or {}
        self.for_good = for_good


class DeadlineError(RunbookError):
    """The step's timeout passed while the action waited; what it began may still go on."""


class CancelledError(RunbookError):
    """The operator cancelled the attempt."""


class Effect(StrEnum):
    """How an attempt in doubt is settled.

    `check`: the check tells. `token`: the service (or the detached command) knows our token, so the same attempt may
    be made again. `once`: nobody can tell; a person decides.
    """

    CHECK = "check"
    TOKEN = "token"  # noqa: S105 - a word of the format, not a credential
    ONCE = "once"


class Params(BaseModel):
    """Base of an action's parameters; unknown keys are refused."""

    # A number where text is asked for is the number as it is written: a template gives 2 where a command wants "2".
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Outputs(BaseModel):
    """Base of an action's outputs, which later steps may use."""

    model_config = ConfigDict(frozen=True, extra="allow")


P = TypeVar("P", bound=Params)


class RunFacts(Frozen):
    """What an action may know of the run it serves.

    Attributes:
        token: identity of this logical attempt; the same over crashes and transport retries.
    """

    id: str
    mode: Mode
    runbook: str
    step: str
    task: str
    token: str
    operator: str


class Applied(Frozen):
    """What an apply (or revert) did, in one sentence, with outputs that the check can't give again."""

    summary: str = ""
    outputs: JsonObject = {}
    changed: bool = True


class ActionContext(Protocol):
    """An action's hands. In `check` every one of them is read-only, enforced before anything is sent."""

    @property
    def run(self) -> RunFacts:
        """The run, step and attempt that this is done for."""
        ...

    @property
    def target(self) -> Target:
        """The target of this task."""
        ...

    @property
    def clock(self) -> Clock:
        """Time."""
        ...

    @property
    def connection(self) -> Connection:
        """The target's connection, opened when first used."""
        ...

    @property
    def http(self) -> HttpClient:
        """HTTP from the machine that runs the attempt."""
        ...

    @property
    def mail(self) -> Mailer:
        """Mail."""
        ...

    @property
    def recorded(self) -> JsonObject:
        """What the task gave before: outputs of an earlier attempt that failed half-way; to `revert`, of the apply."""
        ...

    def aws(
        self,
        service: str,
        *,
        region: str,
        account: str | None = None,
        role: str | None = None,
        endpoint: str | None = None,
    ) -> AwsClient:
        """Give a client for an AWS service; with `role` (an ARN) that role is assumed first.

        Args:
            endpoint: URL of one of several endpoints that give the same answers. It is asked once and not for long,
                so that the next one can be tried.
        """
        ...

    def sql(self, url: str) -> SqlDatabase:
        """Give a database by its SQLAlchemy URL."""
        ...

    def project_file(self, path: str) -> bytes:
        """Read a file of the project (a script, a template); paths that leave the project are refused."""
        ...

    def render(self, text: str) -> str:
        """Render a template's text with the names that the step's own templates see.

        Raises:
            RunbookError: a name is undefined, or the template is not valid; the message says where.
        """
        ...

    def recipients(self, channel: str, *, audience: str | None, literal: Sequence[str]) -> tuple[str, ...]:
        """Give the addresses a message goes to, by channel (`email`): in a drill only the sandbox's.

        Raises:
            ActionFailedError: the audience is unknown, or it is a drill and there is no sandbox.
        """
        ...

    def progress(self, text: str) -> None:
        """Say how far it is, for the live view: `snapshot copy 43 %`."""
        ...

    def output(self, stream: str, data: bytes) -> None:
        """Keep output (`stdout` or `stderr`) beside the events, capped."""
        ...

    def remaining(self) -> float:
        """Seconds until the step's timeout."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait between two looks, with jitter, never past the timeout.

        Raises:
            DeadlineError: the timeout passed.
            CancelledError: the operator cancelled.
        """
        ...


class Action(Generic[P]):
    """Base of every action.

    Class attributes:
        name: `family.verb`, the key in a runbook.
        effect: how an attempt in doubt is settled.
        reversible: whether what it does can be undone (by `revert` or by running it with other parameters).
        no_return: whether what it does can neither be taken back nor done again without a loss, such as a promotion or
            a failover; `validate` wants an approval before it.
        aws_reads: AWS operations (`rds:DescribeDBInstances`) that `check` uses.
        aws_writes: AWS operations that `apply` and `revert` use besides.
        aws_permissions: IAM permissions (`iam:PassRole`) that AWS asks for besides those of the operations themselves.
        aws_resources: by service, the ARNs that its permissions of that service can be kept to, parameters in braces
            (`arn:aws:s3:::{bucket}`); others are kept to regions and account, as far as AWS allows it.
        aws_adds: kinds of things (`rds:DBInstance`, see `Addition`) that `apply` may add to the account; a check that
            is not satisfied says in its finding's evidence (`additions(...)`) how many, for `runbook readiness`.
        duration: how long it typically takes, in words: `5-40 min, by size`.
        tested: what its AWS calls were tested against: `moto`, `ministack` (emulators), `moto, amended` (the emulator
            with a missing operation or delay added by the tests), `model` (a stateful fake that holds requests and
            answers to botocore's service model).
        expressions: parameters that hold bare expressions (`count > 3`), which the engine evaluates to booleans.
        eventual: whether what `apply` did may show a while later, so that the check after it is polled to the
            deadline; otherwise one look decides.
        alternatives: names of parameters that hold several addresses (a list, or a map), of which any one will do.
        template_files: names of parameters that name a template file of the project; the engine renders it.
        project_files: names of parameters that name a file of the project which is taken as it is; `validate` looks for
            it, and a run records its hash, as for template files.
        makes_copy: what it makes is a backup or an export, of which `runbook compliance` wants a newer one once the
            runbook's recovery point objective has passed.
        html: names of parameters (or template files) that are HTML: what templates put into them is escaped.
        addressees: names of the parameters that say who gets a message, the one that takes an audience of team.yml
            first: where a runbook's `communications` give none of them, it is the block's own audience.
        words: names of the parameters that hold a message's text, the plain one first: an operator's own words
            (`runbook say`) take its place, and the others are left out.
        Params, Outputs: their types, with units and examples in each field's description.

    An action without `apply` is a verification: satisfied, or failed.
    """

    name: ClassVar[str]
    effect: ClassVar[Effect] = Effect.CHECK
    reversible: ClassVar[bool] = True
    no_return: ClassVar[bool] = False
    aws_reads: ClassVar[tuple[str, ...]] = ()
    aws_writes: ClassVar[tuple[str, ...]] = ()
    aws_permissions: ClassVar[tuple[str, ...]] = ()
    aws_resources: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    aws_adds: ClassVar[tuple[str, ...]] = ()
    duration: ClassVar[str] = ""
    tested: ClassVar[tuple[str, ...]] = ()
    expressions: ClassVar[tuple[str, ...]] = ()
    eventual: ClassVar[bool] = False
    alternatives: ClassVar[tuple[str, ...]] = ()
    template_files: ClassVar[tuple[str, ...]] = ()
    project_files: ClassVar[tuple[str, ...]] = ()
    makes_copy: ClassVar[bool] = False
    html: ClassVar[tuple[str, ...]] = ()
    addressees: ClassVar[tuple[str, ...]] = ()
    words: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[str] = ""
    Params: ClassVar[type[Params]]
    Outputs: ClassVar[type[Outputs]] = Outputs

    def check(self, params: P, context: ActionContext) -> Finding:
        """Tell whether the wanted state is there; must change nothing."""
        del params, context
        raise TypeError(f"action {self.name} has no check")

    def probe_commands(self, params: P) -> Sequence[tuple[str, ...]]:
        """Name the only commands (whole argv) that `check` may run on the target."""
        del params
        return ()

    # `apply` and `revert` are looked up, not declared: an action that lacks one can't do it.


class Applies(Protocol):
    """An action that changes something."""

    def apply(self, params: Params, context: ActionContext) -> Applied:
        """Bring the wanted state about; must be able to go on from where an earlier attempt ended."""
        ...


class Reverts(Protocol):
    """An action that can undo what it did."""

    def revert(self, params: Params, context: ActionContext) -> Applied:
        """Undo what `apply` did."""
        ...


class Gate(Action[P]):
    """An action that is not attempted but waited for: a person's approval, what a person does by hand.

    Attributes:
        by_hand: a person does something and says whether it went well, where others approve or decline.
    """

    by_hand: ClassVar[bool] = False

    def opens_at(self, params: P, now: datetime) -> datetime | None:
        """Give the time that is waited for, `now` or before it when it has come; None where people are waited for."""
        del params, now
        return None
