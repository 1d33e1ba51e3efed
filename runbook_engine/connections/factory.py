"""Chooses the connection of a target by its variables."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_engine.connections.ssh_library import load_paramiko
from runbook_engine.sdk import (
    Connection,
    ConnectionKind,
    JsonValue,
    RunbookError,
    Target,
    connection_kind,
    truth,
    variable_problem,
)

if TYPE_CHECKING:
    from runbook_engine.connections.ssh import SshConnection
    from runbook_engine.connections.ssh_pool import SshPool
    from runbook_engine.connections.ssh_settings import SshSettings
    from runbook_engine.connections.ssm import SsmConnection
    from runbook_engine.connections.ssm_pool import SsmPool

_LOCALHOST = "localhost"
_CLOSERS = 16


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How hosts are reached in this run.

    Attributes:
        local_home: where detached commands on this machine keep their folders; None for the user's home.
        ssh: None for the defaults, which are OpenSSH's.
        withheld: variables of the engine's environment that commands on this machine do not inherit.
        folder: where commands on this machine run that name no folder, and where its relative paths begin: the
            project's, wherever somebody stood who started or resumed the run. None for the engine's own.
    """

    local_home: Path | None = None
    ssh: "SshSettings | None" = None
    withheld: frozenset[str] = frozenset()
    folder: Path | None = None


@dataclass(slots=True)
class HostConnections:
    """Opens connections to hosts; what is below them is shared. Safe to share between threads."""

    settings: HostSettings = field(default_factory=HostSettings)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: "SshPool | None" = None
    _sessions: "SsmPool | None" = None
    _used: "dict[tuple[str, str | None], SshConnection | SsmConnection]" = field(default_factory=dict)

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
        kind = kind_of(target)
        if kind == "local":
            from runbook_engine.connections.local import LocalConnection

            settings = self.settings
            return LocalConnection(
                settings.local_home,
                name=target.name,
                become_user=user,
                become_password=password,
                withheld=settings.withheld,
                folder=settings.folder,
            )
        if kind == "ssm":
            return self._by_ssm(target, user, password)
        load_paramiko()
        from runbook_engine.connections.ssh import connect

        connection = connect(target, self._shared_pool(), become_user=user, become_password=password)
        with self._lock:
            self._used.setdefault((target.name, user), connection)
        return connection

    def _by_ssm(self, target: Target, user: str | None, password: str | None) -> Connection:
        from runbook_engine.connections.ssm import SsmConnection
        from runbook_engine.connections.ssm_pool import SsmPool

        with self._lock:
            if self._sessions is None:
                self._sessions = SsmPool()
            sessions = self._sessions
        connection = SsmConnection(sessions.session(target), become_user=user, become_password=password)
        with self._lock:
            self._used.setdefault((target.name, user), connection)
        return connection

    def close(self) -> list[str]:
        """Remove what detached commands left and was to be forgotten, and close every transport.

        Returns:
            What could not be removed, and why: a few kilobytes on a target that can't be reached.
        """
        with self._lock:
            pool, self._pool = self._pool, None
            used, self._used = self._used, {}
            self._sessions = None
        if not used:
            return []
        with ThreadPoolExecutor(max_workers=_CLOSERS) as closers:
            problems = [problem for problem in closers.map(_tidy, used.values()) if problem]
        if pool is not None:
            pool.close()
        return problems

    def _shared_pool(self) -> "SshPool":
        from runbook_engine.connections.ssh_pool import SshPool
        from runbook_engine.connections.ssh_settings import SshSettings

        with self._lock:
            if self._pool is None:
                self._pool = SshPool(self.settings.ssh or SshSettings())
            return self._pool


def _tidy(connection: "SshConnection | SsmConnection") -> str:
    try:
        connection.flush_forgotten()
        connection.close()
    except RunbookError as error:
        return error.message
    return ""


def kind_of(target: Target) -> ConnectionKind:
    """Tell how a target is reached.

    Raises:
        RunbookError: its `ansible_connection` is none that there is here.
    """
    name = _text(target.variables.get("ansible_connection")) or ("local" if target.name == _LOCALHOST else "ssh")
    kind = connection_kind(name)
    if kind is None:
        _refuse(target, "ansible_connection")
        raise RunbookError(f"{target.name}: ansible_connection {name!r} is not supported", hint="use ssh or local")
    return kind


def _become_user(target: Target) -> str | None:
    _refuse(target, "ansible_become")
    wanted = truth(target.variables.get("ansible_become"))
    if wanted is None:
        raise RunbookError(f"{target.name}: ansible_become is a template, which nothing renders")
    if not wanted:
        return None
    _refuse(target, "ansible_become_method")
    return _text(target.variables.get("ansible_become_user")) or "root"


def _refuse(target: Target, variable: str) -> None:
    problem = variable_problem(variable, target.variables.get(variable))
    if problem is not None:
        raise RunbookError(f"{target.name}: {problem.message}", hint=problem.hint)


def _text(value: JsonValue) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None
