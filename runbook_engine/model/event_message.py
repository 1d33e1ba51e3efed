"""Events of the messages that a run owes to its audiences: begun, sent, failed, missed, and what an operator adds."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from runbook_engine.model.base import Frozen
from runbook_engine.model.event_people import Said
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Change

MessageKind = Literal["first", "update", "resolved"]


class MessageDue(Frozen):
    """A message to an audience is about to be sent; durable before anything is.

    Attributes:
        audience: the audience; of an imported runbook with its prefix (`db/customers`).
        sequence: counts the audience's messages from 1.
        due_at: the end of the silence that was promised: a message that comes later was missed.
        what: the first one, an update, or the last one.
        calls: in how many ways it is sent; it is sent when all of them are done.
        every: the greatest silence that the runbook promises, in seconds.
        text: the operators' words that it carries (`runbook say`), and `said` from how many orders to say something;
            empty, and 0, when it carries none.
    """

    kind: Literal["message.due"] = "message.due"
    audience: str
    sequence: int
    due_at: datetime
    what: MessageKind = "update"
    calls: int = 1
    every: float = 0.0
    text: str = ""
    said: int = 0


class MessageSent(Frozen):
    """A message reached (or was accepted for) an audience in one of the ways in which it is sent.

    Attributes:
        channel: the action that sent it.
        call: which of the message's ways this is, from 0.
        refused: those who did not get it, with the server's words; nothing more is tried for them.
        doubtful: an earlier try may have reached them, too, so that some may have it twice.
    """

    kind: Literal["message.sent"] = "message.sent"
    audience: str
    sequence: int
    channel: str
    recipients: tuple[str, ...] = ()
    call: int = 0
    refused: dict[str, str] = Field(default_factory=dict)
    doubtful: bool = False


class MessageFailed(Frozen):
    """A try to send a message failed; it is tried again until the next one takes its place.

    Attributes:
        in_doubt: it may have been sent all the same.
        recorded: what the try did before it failed, such as who was reached; the next one goes on from there.
    """

    kind: Literal["message.failed"] = "message.failed"
    audience: str
    sequence: int
    channel: str
    call: int = 0
    error: str = ""
    in_doubt: bool = False
    recorded: JsonObject = Field(default_factory=dict)


class MessageMissed(Frozen):
    """A message was owed and not sent in time.

    Attributes:
        count: how many messages were due in this silence.
    """

    kind: Literal["message.missed"] = "message.missed"
    audience: str
    sequence: int
    reason: str
    count: int = 1


class MessageShown(Frozen):
    """A dry run shows what would be sent.

    Attributes:
        changes: the message as it would go out.
        problem: why it can't be shown, or would not go out; empty when it would.
    """

    kind: Literal["message.shown"] = "message.shown"
    audience: str
    what: MessageKind
    channel: str
    summary: str = ""
    changes: tuple[Change, ...] = ()
    problem: str = ""


class MessageSaid(Said):
    """Somebody wants an audience told something now, in their own words.

    Attributes:
        audiences: whom; each as in `MessageDue`.
    """

    kind: Literal["message.said"] = "message.said"
    text: str
    audiences: tuple[str, ...]
