"""Puts in words what became of messages, for the lines that tell what a run does."""

from runbook_engine.app.status import AudienceLine
from runbook_engine.model.event import (
    Event,
    MessageDue,
    MessageFailed,
    MessageMissed,
    MessageSaid,
    MessageSent,
    MessageShown,
)
from runbook_engine.reporting.inert import one_line


def message_line(event: Event, who: str) -> tuple[str, str, str] | None:
    """Give the word, the audience and the text of a line; None for other events.

    Args:
        who: the event's actor.
    """
    line: tuple[str, str, str] | None
    match event:
        case MessageDue(calls=0):
            line = ("told", event.audience, "nothing more is sent")
        case MessageSent():
            line = ("told", event.audience, _sent(event))
        case MessageFailed():
            doubt = "; it may have been sent" if event.in_doubt else ""
            text = f"message {event.sequence} by {event.channel}: {event.error}{doubt}; tried again"
            line = ("not told", event.audience, text)
        case MessageMissed():
            line = ("missed", event.audience, f"message {event.sequence}: {event.reason}")
        case MessageSaid():
            line = ("said", ", ".join(event.audiences), f"by {who}: {event.text}")
        case MessageShown():
            text = f"{event.what}, by {event.channel}: {event.problem or event.summary}"
            line = ("would tell", event.audience, text)
        case _:
            line = None
    return line


def _sent(event: MessageSent) -> str:
    to = f" to {', '.join(event.recipients)}" if event.recipients else ""
    refused = f"; refused: {', '.join(f'{one} ({why})' for one, why in event.refused.items())}" if event.refused else ""
    twice = "; some may have it twice: an earlier try may have reached them" if event.doubtful else ""
    return f"message {event.sequence} by {event.channel}{to}{refused}{twice}"


def audience_line(one: AudienceLine) -> str:
    """Say what an audience was told, and when it is owed the next message."""
    told = f"told {one.audience}: {one.sent} message{'' if one.sent == 1 else 's'}"
    last = f", the last at {one.last_at.astimezone():%H:%M:%S}" if one.last_at else ""
    missed = f"; {one.missed} missed" if one.missed else ""
    if one.resolved:
        owed = "; nothing more is owed"
    else:
        by = f"{one.next_by.astimezone():%Y-%m-%d %H:%M:%S}" if one.next_by else ""
        owed = f"; overdue since {by}" if one.overdue else f"; the next by {by}"
    said = f"; {one.said} of yours to be sent" if one.said else ""
    problem = f": {one_line(one.problem)}" if one.problem else ""
    return f"{told}{last}{missed}{owed}{said}{problem}"
