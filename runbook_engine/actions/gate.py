"""gate.approval, manual.task, gate.window: the run waits for people's yes, for what they do by hand, or for a time."""

from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from runbook_engine.sdk import (
    ActionContext,
    Finding,
    Gate,
    Outputs,
    Params,
    PositiveDuration,
    satisfied,
    unknown,
    unsatisfied,
)


class ApprovalParams(Params):
    """Who decides, and on what."""

    roles: list[str] = Field(
        min_length=1, description="roles of team.yml; a person with any of them may decide", examples=[["director"]]
    )
    quorum: int = Field(1, ge=1, description="different people who must approve")
    allow_requester: bool = Field(
        False,  # noqa: FBT003 - a default, not an argument
        description="whether who started the run may approve, too; they may decline in any case",
    )
    expires: PositiveDuration = Field(
        timedelta(hours=24), description="how long to wait for them; after that the gate fails", examples=["30m"]
    )
    message: str = Field("", description="what they are asked", examples=["Fail over to eu-west-1?"])
    signed: bool = Field(
        False,  # noqa: FBT003 - a default, not an argument
        description="only answers that are signed with an SSH key of the person (`ssh_keys` in team.yml) count",
    )


class ApprovalOutputs(Outputs):
    """Who approved."""

    approvers: list[str] = Field([], description="their names, in the order of approving")


class Approval(Gate[ApprovalParams]):
    """Wait until people with the right roles approve.

    The engine asks and counts; one person counts once, and the first decline ends the gate.
    check: nobody can tell beforehand what a person will say.
    """

    name = "gate.approval"
    reversible = False
    Params = ApprovalParams
    Outputs = ApprovalOutputs
    example: ClassVar[str] = """\
gate.approval:
  roles: [director]
  quorum: 1
  expires: 30m
  message: Fail over to eu-west-1?
"""

    def check(self, params: ApprovalParams, context: ActionContext) -> Finding:
        """Say who would be asked."""
        del context
        return unknown(f"{params.quorum} of {', '.join(params.roles)} would be asked: {params.message}")


class ManualParams(Params):
    """What is to be done by hand, and by whom."""

    instructions: str = Field(
        min_length=1,
        description="what the person is to do, and how they see that it worked",
        examples=["Call the bank."],
    )
    roles: list[str] = Field(
        min_length=1, description="roles of team.yml; a person with any of them may say how it went",
        examples=[["engineering"]],
    )  # fmt: skip
    expires: PositiveDuration = Field(
        timedelta(hours=24), description="how long to wait for them; after that the task fails", examples=["2h"]
    )
    signed: bool = Field(
        False,  # noqa: FBT003 - a default, not an argument
        description="only an answer that is signed with an SSH key of the person (`ssh_keys` in team.yml) counts",
    )

    @property
    def message(self) -> str:
        """What they are asked."""
        return self.instructions


class ManualOutputs(Outputs):
    """Who did it, and what they say of it."""

    person: str = Field("", description="who said that it went well")
    note: str = Field("", description="what they wrote about it")


class ManualTask(Gate[ManualParams]):
    """Wait until a person did something by hand and says that it went well.

    The answer is `pass` or `fail`, with a note; `fail` fails the task.
    check: nobody can tell beforehand what a person will do.
    """

    name = "manual.task"
    reversible = False
    by_hand = True
    Params = ManualParams
    Outputs = ManualOutputs
    example: ClassVar[str] = """\
manual.task:
  roles: [engineering]
  instructions: Ask the payment provider to accept our standby addresses, and wait for the confirmation.
  expires: 2h
"""

    def check(self, params: ManualParams, context: ActionContext) -> Finding:
        """Say who would be asked to do it."""
        del context
        return unknown(f"{' or '.join(params.roles)} would be asked to do by hand: {params.instructions}")


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class WindowParams(Params):
    """When the run may go on."""

    between: str = Field(
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description="from when to when; over midnight when it ends before it begins",
        examples=["22:00-06:00"],
    )
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(
        [], description="days on which it begins; every day when there are none", examples=[["sat", "sun"]]
    )
    zone: str = Field("UTC", description="time zone of the IANA database", examples=["Europe/Berlin"])
    expires: PositiveDuration = Field(
        timedelta(hours=24), description="how long to wait at most; when it opens later, the gate fails at once"
    )

    @field_validator("zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {value!r}") from error
        return value


class WindowOutputs(Outputs):
    """Nothing."""


class Window(Gate[WindowParams]):
    """Wait until a window of time is open.

    Nobody is asked, and the process waits also where nobody is there to ask. What follows may run on when the window
    closes.
    check: says whether it is open.
    """

    name = "gate.window"
    reversible = False
    Params = WindowParams
    Outputs = WindowOutputs
    example: ClassVar[str] = """\
gate.window:
  between: 22:00-06:00
  days: [sat, sun]
  zone: Europe/Berlin
  expires: 12h
"""

    def check(self, params: WindowParams, context: ActionContext) -> Finding:
        """Say whether it is open."""
        now = context.clock.now()
        at = self.opens_at(params, now)
        return satisfied("open now") if at <= now else unsatisfied(f"opens at {at.isoformat(timespec='minutes')}")

    def opens_at(self, params: WindowParams, now: datetime) -> datetime:
        """Give the time at which the window is open next, `now` while it is; UTC."""
        zone = ZoneInfo(params.zone)
        begin, end = (time.fromisoformat(text) for text in params.between.split("-"))
        today = now.astimezone(zone).date()
        for day in (today + timedelta(days=ahead) for ahead in range(-1, 9)):
            if params.days and _DAYS[day.weekday()] not in params.days:
                continue
            opens = _moment(day, begin, zone)
            closes = _moment(day if begin < end else day + timedelta(days=1), end, zone)
            if now < closes:
                return max(now, opens)
        raise AssertionError("a window that begins on a day of the week begins within nine days")


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Give a time of a day in a zone, as UTC: only there can times be compared over a change of the clock."""
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
