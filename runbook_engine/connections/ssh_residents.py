"""Keeps the shells that stay on hosts: gives a free one out, opens one where there is none, knows where none can be."""

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import paramiko

from runbook_engine.connections.detached_answer import heard_words
from runbook_engine.connections.resident_script import resident_line
from runbook_engine.connections.shell import new_mark
from runbook_engine.connections.ssh_resident import ResidentProcess, ResidentShell
from runbook_engine.sdk import NoConnectionError, TargetUnreachableError

if TYPE_CHECKING:
    from runbook_engine.connections.ssh_pool import SshPool
    from runbook_engine.connections.ssh_settings import Hop

_KEEP = 65536
_OTHER = (
    "nothing was started; does the server run a command of its own instead of ours (ForceCommand, command= in "
    "authorized_keys, a login shell that allows no commands)?"
)
_FRESH = 10.0  # seconds after its last answer in which a shell is taken for there


class Residents:
    """The resident shells of a run, by server; safe to share between threads.

    A shell serves one caller at a time, so that a server has as many as commands ran on it at once.

    Attributes:
        perl: whether Perl is used where there is one.
    """

    def __init__(self, pool: "SshPool") -> None:
        self.perl = True
        self.send_seconds = pool.settings.connect_seconds
        self._pool = pool
        self._lock = threading.Lock()
        self._free: dict[tuple[Hop, ...], list[ResidentShell]] = {}
        self._none: set[tuple[Hop, ...]] = set()
        self._no_perl: set[tuple[Hop, ...]] = set()
        self._once: set[tuple[Hop, ...]] = set()

    def take(self, name: str, route: "tuple[Hop, ...]", *, perl: bool = False) -> ResidentShell | None:
        """Give a shell on the last server of a route, for the caller alone; None where none can be had.

        Args:
            perl: only Perl will do.

        Raises:
            NoConnectionError: the server can't be reached, or runs something else than our shell; nothing was started.
        """
        while True:
            with self._lock:
                if route in self._none or (perl and route in self._no_perl):
                    return None
                free = self._free.get(route)
                shell = free.pop() if free else None
            if shell is None:
                shell = self._open(name, route)
                if shell is not None and perl and not shell.perl:
                    shell.give_back(clean=True)
                    return None
                return shell
            if not self._pool.hold(shell.link):
                shell.channel.close()
                continue
            shell.held = True
            if self._trusted(shell):
                shell.name = name
                return shell

    def check(self, name: str, route: "tuple[Hop, ...]") -> None:
        """See once that a server runs our shell, before a shell of another kind is sent what it is to start.

        Raises:
            NoConnectionError: it does not, or can't be reached; nothing was started.
        """
        with self._lock:
            seen = route in self._once or route in self._none
        if not seen and (shell := self.take(name, route)) is not None:
            shell.give_back(clean=True)

    def give(self, shell: ResidentShell, *, clean: bool) -> None:
        """Take a shell back; one that is not `clean` is let go."""
        with self._lock:
            if not shell.held:
                return
            shell.held = False
        clean = clean and shell.usable
        if clean:
            shell.used = time.monotonic()
            with self._lock:
                self._free.setdefault(shell.route, []).append(shell)
        else:
            shell.channel.close()
        self._pool.release(shell.link)

    def give_up_one(self, route: "tuple[Hop, ...]") -> bool:
        """Close a shell that nobody uses, since the server has no room; false when there is none."""
        with self._lock:
            free = self._free.get(route)
            shell = free.pop(0) if free else None
        if shell is None:
            return False
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):  # it ended by itself: as well
            shell.channel.shutdown_write()
            shell.channel.status_event.wait(self.send_seconds)
        shell.channel.close()
        return True

    def _open(self, name: str, route: "tuple[Hop, ...]") -> ResidentShell | None:
        link, channel = self._pool.session(route)
        shell = ResidentShell(name, self, route, link, channel)
        nonce = new_mark()
        try:
            channel.settimeout(self.send_seconds)
            channel.exec_command(resident_line(nonce, perl=self.perl))
            process = ResidentProcess(shell, nonce, _KEEP)
            there = process.pump(self.send_seconds) and process.answered
            said = process.stdout.content()
            shell.perl = f"\n{nonce} perl\n".encode() in said
        except (paramiko.SSHException, EOFError, OSError) as error:
            self.give(shell, clean=False)
            raise NoConnectionError(f"{name}: no shell: {link.lost or error or 'connection closed'}") from error
        except TargetUnreachableError as error:
            self.give(shell, clean=False)
            raise NoConnectionError(error.message) from error
        if there:
            with self._lock:
                self._once.add(route)
                if not shell.perl:
                    self._no_perl.add(route)
            return shell
        process.close()
        if process.gone and f"{nonce} here\n".encode() not in said:
            words = heard_words(said + b" " + process.stderr.content()) or "nothing"
            raise NoConnectionError(
                f"{name}: the server did not run our shell and ended; it said: {words}", hint=_OTHER
            )
        with self._lock:
            self._none.add(route)
        return None

    def _trusted(self, shell: ResidentShell) -> bool:
        try:
            there = self._is_there(shell)
        except TargetUnreachableError:
            there = False
        if not there:
            self.give(shell, clean=False)
        return there

    def _is_there(self, shell: ResidentShell) -> bool:
        """Whether it can be given a command; one that was silent for long is asked before."""
        if not shell.usable or time.monotonic() - shell.used < _FRESH:
            return shell.usable
        process = shell.greet()
        return process.pump(self.send_seconds) and process.answered
