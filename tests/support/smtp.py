"""A mail server as companies have them: STARTTLS or TLS from the start, a login, and its own mind about recipients."""

import asyncio
import email
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from email import policy
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

USER = "runbook"


@dataclass
class MailRoom:
    """Takes mail, and notes who logged in how.

    Attributes:
        password: the one that it takes.
        echo: whether it says the password that was wrong, as no server should.
        refused: what it answers for a recipient in place of "250 OK".
        gone_after: how many messages it takes before it takes one and goes without a word; None for ever.
        logins: user, password and whether the connection was encrypted, of each try.
    """

    password: str = "right-w0rd-of-this-test"
    echo: bool = False
    refused: dict = field(default_factory=dict)
    gone_after: int | None = None
    taken: list = field(default_factory=list)
    logins: list = field(default_factory=list)

    def judge(self, server, session, envelope, mechanism, data):
        """Say whether a login is right."""
        given = data.password.decode()
        encrypted = server.transport.get_extra_info("ssl_object") is not None
        self.logins.append((data.login.decode(), given, encrypted))
        if given == self.password:
            return AuthResult(success=True)
        words = f"535 5.7.8 {given} is not the password" if self.echo else None
        return AuthResult(success=False, handled=False, message=words)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        """Take a recipient, or not."""
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        """Take a message, and perhaps go."""
        self.taken.append((tuple(envelope.rcpt_tos), email.message_from_bytes(envelope.content, policy=policy.default)))
        if self.gone_after is not None and len(self.taken) > self.gone_after:
            server.transport.abort()
        return "250 OK"


class MailHouse:
    """Serves a mail room on a free port of the loopback, in a thread of its own.

    Args:
        tls: `starttls`, `tls` or `none`.
        context: certificate and key, for the first two.
        auth: whether it asks for a login.
    """

    def __init__(self, room, *, tls, context=None, auth=True):
        self._room, self._tls, self._context, self._auth = room, tls, context, auth
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(self._speaker, "127.0.0.1", 0, ssl=context if tls == "tls" else None)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def _speaker(self):
        options = {}
        if self._auth:
            # What is encrypted from the start aiosmtpd does not know as such; the room notes whether it was.
            options = {"authenticator": self._room.judge, "auth_required": True}
            options["auth_require_tls"] = self._tls == "starttls"
        if self._tls == "starttls":
            options |= {"tls_context": self._context, "require_starttls": True}
        return SMTP(self._room, hostname="mail.example.com", loop=self._loop, **options)

    def close(self):
        """Stop, and wait for those who are being spoken with."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    async def _end(self):
        self._server.close()
        await self._server.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def certificate_for_loopback(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for 127.0.0.1; gives the server's side of it, and the file by which a client trusts it."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "9", "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", folder / "key", "-out", folder / "crt"),
        ],
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "crt", folder / "key")
    return server, folder / "crt"
