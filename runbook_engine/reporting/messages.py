"""The messages of a run, folded from its events for the report."""

from dataclasses import dataclass, field

from runbook_engine.model.event import (
    MessageDue,
    MessageFailed,
    MessageMissed,
    MessageSent,
    MessageShown,
    StoredEvent,
)
from runbook_engine.model.report_messages import MessageReport, ShownMessage


@dataclass(slots=True)
class MessageFold:
    """The messages while a run's events are read."""

    shown: list[ShownMessage] = field(default_factory=list)
    _messages: dict[tuple[str, int], MessageReport] = field(default_factory=dict)

    def follow(self, stored: StoredEvent) -> None:
        """Take one more event."""
        event = stored.event
        if isinstance(event, MessageShown):
            text = "\n\n".join(str(change.after) for change in event.changes if change.after is not None)
            self.shown.append(
                ShownMessage(
                    audience=event.audience,
                    what=event.what,
                    channel=event.channel,
                    summary=event.summary,
                    text=text,
                    problem=event.problem,
                )
            )
            return
        if not isinstance(event, MessageDue | MessageSent | MessageFailed | MessageMissed):
            return
        key = (event.audience, event.sequence)
        message = self._messages.get(key, MessageReport(audience=event.audience, sequence=event.sequence))
        self._messages[key] = message.model_copy(update=_update(message, stored))

    def messages(self) -> tuple[MessageReport, ...]:
        """Give the messages owed, in the order in which they became known."""
        return tuple(self._messages.values())


def _update(message: MessageReport, stored: StoredEvent) -> dict[str, object]:
    match stored.event:
        case MessageDue() as event:
            return {"due_at": event.due_at, "what": event.what, "text": event.text}
        case MessageSent() as event:
            return {
                "sent_at": stored.time,
                "channel": ", ".join(filter(None, (message.channel, event.channel))),
                "recipients": message.recipients + event.recipients,
                "refused": {**message.refused, **event.refused},
                "doubtful": message.doubtful or event.doubtful,
            }
        case MessageFailed() as event:
            return {"failed": event.error}
        case MessageMissed() as event:
            many = f" ({event.count} messages)" if event.count > 1 else ""
            return {"missed": "; ".join(filter(None, (message.missed, event.reason + many)))}
        case _:
            return {}
