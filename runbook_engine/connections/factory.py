"""Chooses the connection of a target by its variables."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_engine.sdk import Connection, JsonValue, RunbookError, Target

if TYPE_CHECKING:
    from runbook_engine.connections.ssh import SshConnection
    from runbook_engine.connections.ssh_pool import SshPool
    from runbook_engine.connections.ssh_settings import SshSettings

_LOCALHOST = "localhost"
_CLOSERS = 16
_SSH = frozenset({"ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ansible.builtin.paramiko_ssh"})
_LOCAL = frozenset({"local", "ansible.builtin.local"})
_TRUE = frozenset({"yes", "true", "on", "1", "y", "t"})
_FALSE = frozenset({"no", "false", "off", "0", "n", "f", ""})


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How hosts are reached in this run.

    Attributes:
        local_home: where detached commands on this machine keep their folders; None for the user's home.
        ssh: None for the defaults, which are OpenSSH's.
    """

    local_home: Path | None = None
    ssh: "SshSettings | None" = None


@dataclass(slots=True)
class HostConnections:
    """Opens connections to hosts; the SSH transports below them are shared. Safe to share between threads."""

    settings: HostSettings = field(default_factory=HostSettings)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: "SshPool | None" = None
    _ssh: "dict[tuple[str, str | None], SshConnection]" = field(default_factory=dict)

    def open(self, target: Target, become_user: str | None = None) -> Connection:
        """Give a connection; nothing is sent before its first use.

        Args:
            become_user: run everything as this user; None for what the target's `ansible_become` says.

        Raises:
            RunbookError: a variable is not valid or asks for what there isn't.
        """
        variables = target.variables
        user = become_user or _become_user(target)
        password = _text(variables.get("ansible_become_password")) or _text(variables.get("ansible_become_pass"))
        kind = _text(variables.get("ansible_connection")) or ("local" if target.name == _LOCALHOST else "ssh")
        if kind in _LOCAL:
            from runbook_engine.connections.local import LocalConnection

            home = self.settings.local_home
            return LocalConnection(home, name=target.name, become_user=user, become_password=password)
        if kind not in _SSH:
            raise RunbookError(
                f"{target.name}: ansible_connection is {kind!r}, which is not supported", hint="use ssh or local"
            )
        from runbook_engine.connections.ssh import connect

        connection = connect(target, self._shared_pool(), become_user=user, become_password=password)
        with self._lock:
            self._ssh.setdefault((target.name, user), connection)
        return connection

    def close(self) -> list[str]:
        """Remove what detached commands left and was to be forgotten, and close every transport.

        Returns:
            What could not be removed, and why: a few kilobytes on a target that can't be reached.
        """
        with self._lock:
            pool, self._pool = self._pool, None
            used, self._ssh = self._ssh, {}
        if pool is None:
            return []
        with ThreadPoolExecutor(max_workers=_CLOSERS) as closers:
            problems = [problem for problem in closers.map(_tidy, used.values()) if problem]
        pool.close()
        return problems

    def _shared_pool(self) -> "SshPool":
        from runbook_engine.connections.ssh_pool import SshPool
        from runbook_engine.connections.ssh_settings import SshSettings

        with self._lock:
            if self._pool is None:
                self._pool = SshPool(self.settings.ssh or SshSettings())
            return self._pool


def _tidy(connection: "SshConnection") -> str:
    try:
        connection.flush_forgotten()
        connection.close()
    except RunbookError as error:
        return error.message
    return ""


def _become_user(target: Target) -> str | None:
    variables = target.variables
    if not _truth(variables.get("ansible_become"), target.name):
        return None
    method = _text(variables.get("ansible_become_method")) or "sudo"
    if method not in ("sudo", "ansible.builtin.sudo"):
        raise RunbookError(
            f"{target.name}: ansible_become_method is {method!r}, which is not supported", hint="use sudo"
        )
    return _text(variables.get("ansible_become_user")) or "root"


def _truth(value: JsonValue, name: str) -> bool:
    if isinstance(value, bool) or value is None:
        return bool(value)
    word = str(value).lower()
    if word not in _TRUE | _FALSE:
        raise RunbookError(f"{name}: ansible_become is {value!r}, which is neither true nor false")
    return word in _TRUE


def _text(value: JsonValue) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None
