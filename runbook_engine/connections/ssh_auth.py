"""Logs in to a server over an open SSH transport: the agent's keys first, then key files, then the password."""

import contextlib
import socket
from pathlib import Path

import paramiko
from paramiko.agent import AgentSSH

from runbook_engine.connections.ssh_keys import KeyRing, UnusableKeyError
from runbook_engine.connections.ssh_locked import is_locked, public_blob
from runbook_engine.connections.ssh_settings import PASSPHRASES, Hop
from runbook_engine.sdk import NoConnectionError

_AGENT_SECONDS = 5.0


class AuthenticationError(NoConnectionError):
    """The server let nobody in by what we have."""


def log_in(transport: paramiko.Transport, hop: Hop, keys: KeyRing) -> None:
    """Log in by the agent's keys, by key files, or by the password.

    Raises:
        NoConnectionError: the server let us not in, or the connection broke off.
    """
    tried: list[str] = []
    try:
        with contextlib.ExitStack() as stack:
            if _by_keys(transport, hop, keys, tried, stack):
                return
        if hop.password is not None and transport.is_active():
            with contextlib.suppress(paramiko.AuthenticationException):
                transport.auth_password(hop.user, hop.password)
            if transport.is_authenticated():
                return
            tried.append("password: refused")
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise NoConnectionError(f"{hop.name}: the login broke off: {error or 'connection closed'}") from error
    raise AuthenticationError(
        f"{hop.name}: nothing we have was accepted ({'; '.join(tried) or 'no key, no agent, no password'})",
        hint="set ansible_user and ansible_ssh_private_key_file, or load the key into the agent",
    )


def _by_keys(
    transport: paramiko.Transport, hop: Hop, keys: KeyRing, tried: list[str], stack: contextlib.ExitStack
) -> bool:
    for what, key in _keys(hop, keys, tried, stack):
        with contextlib.suppress(paramiko.AuthenticationException):
            transport.auth_publickey(hop.user, key)
        if transport.is_authenticated():
            return True
        tried.append(f"{what}: refused")
        if not transport.is_active():
            break
    return False


def _keys(hop: Hop, keys: KeyRing, tried: list[str], stack: contextlib.ExitStack) -> list[tuple[str, paramiko.PKey]]:
    locked = {path for path in hop.keys if not keys.opens(path, hop.passphrase) and is_locked(path)}
    found: list[tuple[str, paramiko.PKey]] = []
    if hop.agent is not None and (locked or not hop.identities_only):
        found += _agent_keys(hop.agent, tried, stack)
    held = {key.asbytes() for _, key in found}
    if hop.identities_only:
        wanted = {public_blob(path) for path in locked}
        found = [(what, key) for what, key in found if key.asbytes() in wanted]
    for path in hop.keys:
        if path in locked and public_blob(path) in held:
            continue  # the agent has it open
        key = _key(path, hop, keys, tried)
        if key is not None:
            found.append((str(path), key))
    return found


def _agent_keys(path: str, tried: list[str], stack: contextlib.ExitStack) -> list[tuple[str, paramiko.PKey]]:
    connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    try:
        connection.settimeout(_AGENT_SECONDS)
        connection.connect(path)
        keys = _Agent(connection).get_keys()
    except (OSError, paramiko.SSHException) as error:
        tried.append(f"agent {path}: {error}")
        return []
    return [(f"agent key {key.get_name()}", key) for key in keys]


class _Agent(AgentSSH):
    """An agent by its socket; paramiko's own looks at the environment only."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connect(connection)  # type: ignore[attr-defined] # lacks in the type stubs


def _key(path: Path, hop: Hop, keys: KeyRing, tried: list[str]) -> paramiko.PKey | None:
    required = path == hop.required_key
    if not path.is_file():
        if required:
            raise AuthenticationError(f"{hop.name}: the key file {path} is not there")
        return None
    try:
        return keys.load(path, hop.passphrase)
    except UnusableKeyError as error:
        if required:
            raise AuthenticationError(
                f"{hop.name}: {path}: {error}",
                hint=f"load the key into the agent (`ssh-add {path}`), or set {PASSPHRASES[0]}",
            ) from error
        tried.append(f"{path}: {error}")
    return None
