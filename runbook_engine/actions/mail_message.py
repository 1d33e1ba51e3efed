"""Builds the messages that notify.email sends: one for each recipient, the same again for the same attempt."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from runbook_engine.sdk import Mode, RunFacts

_DRILL = "DRILL, not real"
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)


def message_for(
    recipient: str, *, sender: str, subject: str, body: str, html: str | None, run: RunFacts, now: datetime
) -> EmailMessage:
    """Give the message; its Message-ID depends on attempt and recipient alone, so that doubles can be told."""
    message = EmailMessage()
    is_drill = run.mode is Mode.DRILL
    message["From"] = sender
    message["To"] = recipient
    line = " ".join(subject.splitlines())  # also at separators of Unicode, which no header may hold
    message["Subject"] = f"{_DRILL}: {line}" if is_drill else line
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(recipient, sender=sender, run=run)
    message["Auto-Submitted"] = "auto-generated"
    message["X-DR-Run"] = run.id
    message["X-DR-Step"] = run.step
    message["X-DR-Mode"] = run.mode.value
    message.set_content(f"{_DRILL}.\n\n{body}" if is_drill else body)
    if html is not None:
        message.add_alternative(_marked(html) if is_drill else html, subtype="html")
    return message


def _marked(html: str) -> str:
    """Put the mark of a drill before all else that a reader of a page sees."""
    mark = f"<p><strong>{_DRILL}.</strong></p>"
    body = _BODY.search(html)
    return f"{html[: body.end()]}{mark}{html[body.end() :]}" if body else f"{mark}{html}"


def message_id(recipient: str, *, sender: str, run: RunFacts) -> str:
    """Give `<run.step.recipient-hash@domain>`, made of characters that any mail server lets through."""
    seed = f"{run.token}\n{address_of(recipient).lower()}"
    mark = hashlib.sha256(seed.encode()).hexdigest()[:24]
    parts = [re.sub(r"[^A-Za-z0-9-]+", "-", part)[:60].strip("-") for part in (run.id, run.step)]
    domain = address_of(sender).rpartition("@")[2].encode("idna").decode()
    return f"<{'.'.join([*parts, mark])}@{domain}>"


def address_of(text: str) -> str:
    """Give the bare address of `Name <address>` or `address`.

    Raises:
        ValueError: it is none; the message says what one looks like.
    """
    name, address = parseaddr(text)
    message = f"{text!r} is not one mail address; write name@example.com or Name <name@example.com>"
    if (
        any(sign in text for sign in ",;")
        or len(f"{text}.".splitlines()) > 1
        or "@" not in address
        or not address.isprintable()
        or " " in address
    ):
        raise ValueError(message)
    try:
        Address(display_name=name, addr_spec=address)
        address.rpartition("@")[2].encode("idna")
    except (ValueError, HeaderParseError, IndexError) as error:  # the library's three ways to refuse one
        raise ValueError(message) from error
    return address


def preview(sender: str, recipients: Sequence[str], subject: str, body: str) -> str:
    """Show what would be sent, once for all recipients."""
    return f"From: {sender}\nTo: {', '.join(recipients)}\nSubject: {subject}\n\n{body}"
