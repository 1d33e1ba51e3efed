"""Hands messages to a mail server: verified TLS, a word on every recipient, and honesty about broken ends."""

import base64
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage

from runbook_engine.sdk import MailReceipt, MailServer, ReadOnlyError, RunbookError, ServiceUnreachableError


class SmtpMailer:
    """The mailer of actions.

    Args:
        read_only: refuse to send.
        context: which certificates to trust; None for the system's.
    """

    def __init__(self, *, read_only: bool, context: ssl.SSLContext | None = None) -> None:
        self._read_only = read_only
        self._context = context

    def send(
        self, server: MailServer, message: EmailMessage, recipients: Sequence[str], *, timeout: float
    ) -> MailReceipt:
        """Hand a message in; recipients are refused one by one, and the others still get it.

        Args:
            timeout: seconds, for each answer of the server.

        Raises:
            ReadOnlyError: these are a check's hands.
            ServiceUnreachableError: the server broke off while it took the message, and may have it.
            RunbookError: the server can't be reached, broke off before it had the message, refused the login or the
                message, or a recipient's address is not valid; nothing was sent.
        """
        where = f"mail server {server.host}:{server.port}"
        if self._read_only:
            raise ReadOnlyError(f"{where}: a check may not send mail")
        if not recipients:
            raise RunbookError("the message has no recipients")
        sender = message["From"]
        if sender is None or not sender.addresses:
            raise RunbookError("the message has no sender (From)")
        for address in recipients:
            if any(character in address for character in "\r\n\0<> ") or "@" not in address:
                raise RunbookError(f"{address!r} is no mail address")
        client = self._connect(server, where, timeout)
        try:
            return _hand_in(client, sender.addresses[0].addr_spec, message, recipients, where)
        finally:
            client.close()

    def _connect(self, server: MailServer, where: str, seconds: float) -> smtplib.SMTP:
        context = self._context or ssl.create_default_context()
        client: smtplib.SMTP | None = None
        try:
            if server.tls == "tls":
                client = smtplib.SMTP_SSL(server.host, server.port, timeout=seconds, context=context)
            else:
                client = smtplib.SMTP(server.host, server.port, timeout=seconds)
            if server.tls == "starttls":
                client.starttls(context=context)
            if server.username is not None:
                _log_in(client, server.username, server.password or "")
            client.ehlo_or_helo_if_needed()
        except smtplib.SMTPAuthenticationError as error:
            raise _closed(client, RunbookError(f"{where}: the login was refused: {_said(error)}")) from error
        except smtplib.SMTPNotSupportedError as error:
            hint = "set tls: none only if nobody can listen in" if server.tls == "starttls" else ""
            raise _closed(client, RunbookError(f"{where}: {_told(error)}", hint=hint)) from error
        except (OSError, smtplib.SMTPException) as error:
            told = RunbookError(f"{where}: {_told(error)}; the message was not handed in")
            raise _closed(client, told) from error
        return client


def _log_in(client: smtplib.SMTP, user: str, password: str) -> None:
    """Log in; what is not ASCII goes as UTF-8 by AUTH PLAIN (RFC 4616), which the library can't do.

    Raises:
        SMTPException: the login was refused, or the server has no way to take it.
    """
    if (user + password).isascii():
        client.login(user, password)
        return
    client.ehlo_or_helo_if_needed()
    if "PLAIN" not in client.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError("it has no AUTH PLAIN, and the login holds signs that are not ASCII")
    words = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    code, said = client.docmd("AUTH", f"PLAIN {words}")
    if code != 235:  # noqa: PLR2004 - "authentication succeeded"
        raise smtplib.SMTPAuthenticationError(code, said)


def _hand_in(
    client: smtplib.SMTP, sender: str, message: EmailMessage, recipients: Sequence[str], where: str
) -> MailReceipt:
    accepted: list[str] = []
    refused: dict[str, str] = {}
    before = f"{where}: it broke off before it had the message"
    try:
        code, words = client.mail(sender)
        if code != 250:  # noqa: PLR2004 - SMTP's OK
            raise RunbookError(f"{where}: the sender {sender} was refused: {code} {_text(words)}")
        for address in dict.fromkeys(recipients):
            code, words = client.rcpt(address)
            if code in (250, 251):
                accepted.append(address)
            else:
                refused[address] = f"{code} {_text(words)}"
    except (OSError, smtplib.SMTPException) as error:
        raise RunbookError(f"{before}: {_told(error)}") from error
    if not accepted:
        return MailReceipt((), refused)
    try:
        code, words = client.data(message.as_bytes(policy=message.policy.clone(linesep="\r\n")))
    except smtplib.SMTPDataError as error:
        raise RunbookError(f"{where}: the message was refused: {_said(error)}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise ServiceUnreachableError(
            f"{where}: it broke off while it took the message: {_told(error)}",
            hint="it may have taken it: sending again may reach the recipients twice",
        ) from error
    if code != 250:  # noqa: PLR2004 - SMTP's OK
        raise RunbookError(f"{where}: the message was refused: {code} {_text(words)}")
    return MailReceipt(tuple(accepted), refused)


def _closed(client: smtplib.SMTP | None, error: RunbookError) -> RunbookError:
    if client is not None:
        client.close()
    return error


def _told(error: Exception) -> str:
    """Give an error in the server's words, where it has said any."""
    return _said(error) if isinstance(error, smtplib.SMTPResponseException) else str(error)


def _said(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words
