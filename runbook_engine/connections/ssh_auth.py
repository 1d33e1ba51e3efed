"""Opens an authenticated SSH transport: bounded in time, host key first, then agent, keys and password."""

import contextlib
import logging
import socket
import threading
from pathlib import Path

import paramiko
from paramiko.agent import AgentSSH
from paramiko.pkey import UnknownKeyType

from runbook_engine.connections.ssh_hostkeys import check_host_key, known_keys
from runbook_engine.connections.ssh_settings import Hop
from runbook_engine.sdk import NoConnectionError

# Eight times cheaper for us than the post-quantum exchange, which stays as the alternative.
_EXCHANGES = ("curve25519-sha256@libssh.org", "mlkem768x25519-sha256")

_AGENT_SECONDS = 5.0
# Paramiko logs tracebacks of what we tell in a sentence; they go to this logger, and nowhere unless somebody listens.
_LOG = "runbook_engine.paramiko"
logging.getLogger(_LOG).addHandler(logging.NullHandler())
logging.getLogger(_LOG).propagate = False


class AuthenticationError(NoConnectionError):
    """The server let nobody in by what we have."""


def open_transport(hop: Hop, through: paramiko.Transport | None, seconds: float) -> paramiko.Transport:
    """Connect, check the host key and log in.

    Args:
        through: the transport of the hop before, None for a direct connection.
        seconds: for each of: connection, key exchange, one authentication.

    Raises:
        NoConnectionError: it can't be reached in time, isn't trusted, or doesn't let us in.
    """
    channel = _connect(hop, through, seconds)
    try:
        transport = paramiko.Transport(channel)
    except (paramiko.SSHException, OSError) as error:
        channel.close()
        raise NoConnectionError(f"{hop.name}: {error}") from error
    try:
        transport.daemon = True
        transport.set_log_channel(_LOG)
        _exchange(transport, hop, seconds)
        transport.auth_timeout = seconds
        transport.channel_timeout = seconds
        _log_in(transport, hop)
    except BaseException:
        transport.close()
        channel.close()
        raise
    return transport


def _connect(hop: Hop, through: paramiko.Transport | None, seconds: float) -> "socket.socket | paramiko.Channel":
    try:
        if through is not None:
            return through.open_channel("direct-tcpip", (hop.host, hop.port), ("127.0.0.1", 0), timeout=seconds)
        connection = socket.create_connection((hop.host, hop.port), timeout=seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except TimeoutError as error:
        raise NoConnectionError(f"{hop.name}: no connection within {seconds:g} s") from error
    except (OSError, paramiko.SSHException) as error:
        raise NoConnectionError(f"{hop.name}: can't connect: {error}") from error
    else:
        return connection


def _exchange(transport: paramiko.Transport, hop: Hop, seconds: float) -> None:
    known = known_keys(hop.key_name, hop.port, hop.known_hosts)
    options = transport.get_security_options()
    wanted = {_kind_of(line.kind) for line in known if not line.marker}
    options.key_types = sorted(options.key_types, key=lambda kind: _kind_of(kind) not in wanted)
    options.kex = sorted(
        options.kex, key=lambda name: _EXCHANGES.index(name) if name in _EXCHANGES else len(_EXCHANGES)
    )
    transport.banner_timeout = seconds * 2  # ours below bounds the whole, and tells it better
    done = threading.Event()
    # Paramiko's own timeout bounds each line of a banner, not the whole; and it ends without an error.
    transport.start_client(event=done)
    if not done.wait(seconds):
        raise NoConnectionError(f"{hop.name}: no SSH key exchange within {seconds:g} s")
    if not transport.is_active():
        raise NoConnectionError(f"{hop.name}: no SSH connection: {transport.get_exception() or 'it was closed'}")
    key = transport.get_remote_server_key()
    check_host_key(hop.key_name, hop.port, key.get_name(), key.asbytes(), known, hop.known_hosts)


def _kind_of(name: str) -> str:
    return "ssh-rsa" if name.startswith("rsa-sha2-") else name


def _log_in(transport: paramiko.Transport, hop: Hop) -> None:
    tried: list[str] = []
    try:
        with contextlib.ExitStack() as stack:
            if _by_keys(transport, hop, tried, stack):
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


def _by_keys(transport: paramiko.Transport, hop: Hop, tried: list[str], stack: contextlib.ExitStack) -> bool:
    for what, key in _keys(hop, tried, stack):
        with contextlib.suppress(paramiko.AuthenticationException):
            transport.auth_publickey(hop.user, key)
        if transport.is_authenticated():
            return True
        tried.append(f"{what}: refused")
        if not transport.is_active():
            break
    return False


def _keys(hop: Hop, tried: list[str], stack: contextlib.ExitStack) -> list[tuple[str, paramiko.PKey]]:
    found: list[tuple[str, paramiko.PKey]] = []
    if hop.agent is not None:
        found += _agent_keys(hop.agent, tried, stack)
    for path in hop.keys:
        key = _key(path, hop, tried)
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


def _key(path: Path, hop: Hop, tried: list[str]) -> paramiko.PKey | None:
    required = path == hop.required_key
    passphrase = hop.passphrase.encode() if hop.passphrase is not None else None
    if not path.is_file():
        if required:
            raise AuthenticationError(f"{hop.name}: the key file {path} is not there")
        return None
    try:
        return paramiko.PKey.from_path(path, password=passphrase)  # type: ignore[arg-type] # it takes bytes alone
    except (paramiko.SSHException, TypeError, ValueError, OSError, UnknownKeyType) as error:
        locked = isinstance(error, paramiko.PasswordRequiredException | TypeError)
        why = f"{path}: " + (
            "the passphrase is wrong, or the file is damaged"
            if hop.passphrase
            else "the key has a passphrase"
            if locked
            else str(error)
        )
    if required:
        raise AuthenticationError(
            f"{hop.name}: {why}", hint="set ansible_ssh_key_passphrase, or load the key into the agent"
        )
    tried.append(why)
    return None
