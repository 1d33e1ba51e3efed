"""The mail sink: takes every message, keeps it as a file, and refuses the recipients it was told to refuse."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from types import MappingProxyType

from aiosmtpd.smtp import SMTP, Envelope, Session

from runbook_engine.lab.errors import LabError
from runbook_engine.lab.files import write_atomically
from runbook_engine.lab.hosts import reserve_port

START_SECONDS = 5.0
REFUSALS = range(400, 600)
TEXTS = {450: "mailbox busy, try again", 451: "local error, try again", 550: "no such user", 552: "mailbox full"}


@dataclass
class Mailbox:
    """Keeps messages in a folder; what aiosmtpd calls a handler."""

    folder: Path
    refused: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    def refuse(self, address: str, code: int | None) -> None:
        """Answer RCPT TO for `address` with an SMTP code of 400 to 599 from now on; None accepts it again."""
        if code is None:
            self.refused.pop(address.lower(), None)
        elif code in REFUSALS:
            self.refused[address.lower()] = code
        else:
            raise LabError(f"{code} is not a refusal", "use a code from 400 to 599, such as 451 or 550")

    def refusals(self) -> Mapping[str, int]:
        """Which addresses are refused, and how."""
        return MappingProxyType(dict(self.refused))

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 -- aiosmtpd's signature
        session: Session,  # noqa: ARG002 -- aiosmtpd's signature
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """Accept or refuse one recipient."""
        code = self.refused.get(address.lower())
        if code is not None:
            return f"{code} {TEXTS.get(code, 'refused')}: {address}"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 -- aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 -- aiosmtpd's signature
        session: Session,  # noqa: ARG002 -- aiosmtpd's signature
        envelope: Envelope,
    ) -> str:
        """Store the message before it is acknowledged."""
        content = envelope.original_content or b""
        self._count += 1
        name = f"{self._count:04d}.eml"
        write_atomically(self.folder / name, content)
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "file": name,
            "from": envelope.mail_from,
            "to": list(envelope.rcpt_tos),
            "message_id": message_from_bytes(content).get("Message-ID"),
        }
        with (self.folder / "log.ndjson").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        return f"250 OK stored as {name}"


class MailServer:
    """Runs the sink on a loopback port in a thread of its own."""

    def __init__(self, mailbox: Mailbox, port: int = 0) -> None:
        """Nothing is bound before `start`."""
        mailbox.folder.mkdir(parents=True, exist_ok=True)
        self.mailbox = mailbox
        self.address: tuple[str, int] = ("127.0.0.1", port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail", daemon=True)
        self._server: asyncio.Server | None = None
        self._reservation: socket.socket | None = None

    def start(self) -> None:
        """Bind the port and begin to answer."""
        self._reservation = reserve_port(self.address[1])
        self.address = ("127.0.0.1", self._reservation.getsockname()[1])
        self._thread.start()
        self.set_up(up=True)

    def set_up(self, *, up: bool) -> None:
        """Answer, or refuse connections; the port stays ours meanwhile."""
        change = self._listen() if up else self._close()
        asyncio.run_coroutine_threadsafe(change, self._loop).result(START_SECONDS)

    def stop(self) -> None:
        """Stop answering and free the port."""
        if not self._thread.is_alive():
            self._loop.close()
            return
        self.set_up(up=False)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()
        if self._reservation is not None:
            self._reservation.close()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await self._loop.create_server(self._session, *self.address, reuse_port=True)

    def _session(self) -> SMTP:
        return SMTP(self.mailbox, hostname="mail.lab.invalid", enable_SMTPUTF8=True, loop=self._loop)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
