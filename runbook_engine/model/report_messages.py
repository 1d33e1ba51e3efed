"""What a report tells of messages: those that were owed, and those that a dry run shows."""

from datetime import datetime

from runbook_engine.model.base import Frozen


class MessageReport(Frozen):
    """A message owed: when it was due, when and how it went out, or why it did not.

    Attributes:
        what: `first`, `update` or `resolved`.
        text: the operators' own words that it carried.
        channel: the actions that sent it.
        refused: those who did not get it, with the server's words.
        doubtful: an interruption may have sent it twice.
        missed: why it was not sent in time; empty when it was.
        failed: how a try failed, when one did.
    """

    audience: str
    sequence: int
    what: str = ""
    due_at: datetime | None = None
    sent_at: datetime | None = None
    text: str = ""
    channel: str = ""
    recipients: tuple[str, ...] = ()
    refused: dict[str, str] = {}
    doubtful: bool = False
    missed: str = ""
    failed: str = ""

    @property
    def remarks(self) -> str:
        """What else is to be said of it, in words."""
        refused = ", ".join(f"{who} ({why})" for who, why in self.refused.items())
        return "; ".join(
            filter(
                None,
                (
                    f"missed: {self.missed}" if self.missed else "",
                    f"refused: {refused}" if refused else "",
                    "may have been sent twice" if self.doubtful else "",
                    f"a try failed: {self.failed}" if self.failed and self.sent_at is None else "",
                ),
            )
        )


class ShownMessage(Frozen):
    """A message as a dry run shows it; `problem` is why it would not go out as it is."""

    audience: str
    what: str
    channel: str
    summary: str = ""
    text: str = ""
    problem: str = ""
