"""Opens an SSH transport: bounded in time, the host key checked first; a start that the server dropped is repeated."""

import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence

import paramiko

from runbook_engine.connections.ssh_auth import log_in
from runbook_engine.connections.ssh_hostkeys import check_host_key, known_keys
from runbook_engine.connections.ssh_keys import KeyRing
from runbook_engine.connections.ssh_settings import Hop
from runbook_engine.sdk import NoConnectionError, format_seconds

# Eight times cheaper for us than the post-quantum exchange, which stays as the alternative.
_EXCHANGES = ("curve25519-sha256@libssh.org", "mlkem768x25519-sha256")

# Paramiko compares MACs byte by byte in Python, which costs more than all the rest of a packet; an AEAD has none.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")

# Paramiko's thread looks up from its socket so often, ten times a second by itself: a thousand idle connections would
# cost a core. Nothing waits for it: whoever closes a transport wakes it.
_READ_SECONDS = 10.0

_FIRST_PAUSE, _LONGEST_PAUSE = 0.15, 2.0
_BANNER = "Error reading SSH protocol banner"  # paramiko has no kind of its own for it

# Paramiko logs tracebacks of what we tell in a sentence; they go to this logger, and nowhere unless somebody listens.
_LOG = "runbook_engine.paramiko"
logging.getLogger(_LOG).addHandler(logging.NullHandler())
logging.getLogger(_LOG).propagate = False


class _DroppedError(Exception):
    """The server closed the connection before anybody was to log in."""


def open_transport(
    hop: Hop,
    through: paramiko.Transport | None,
    seconds: float,
    keys: KeyRing,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> paramiko.Transport:
    """Connect, check the host key and log in.

    A busy sshd drops connections at random before the key exchange (`MaxStartups`), so that a dropped one says
    nothing about the host: it is made again, after pauses that grow, as long as `seconds` allow. Nothing was sent to
    the host by then. A host key or a login that is refused is never tried again.

    Args:
        through: the transport of the hop before, None for a direct connection.
        seconds: for each of: connection, key exchange, one authentication; and for all repetitions together.
        sleep: waits between two connections.

    Raises:
        NoConnectionError: it can't be reached in time, isn't trusted, or doesn't let us in.
    """
    until = time.monotonic() + seconds
    longest = _FIRST_PAUSE
    drops = 0
    while True:
        try:
            return _opened(hop, through, seconds, keys)
        except _DroppedError as drop:
            drops += 1
            pause = random.uniform(longest / 2, longest)  # noqa: S311 - jitter, not a secret
            if time.monotonic() + pause >= until:
                count = "the connection" if drops == 1 else f"{drops} connections"
                raise NoConnectionError(
                    f"{hop.name}: the server closed {count} before the login: {drop}",
                    hint="with many connections at once that is sshd's MaxStartups: use fewer --forks, or raise it",
                ) from drop
        sleep(pause)
        longest = min(longest * 2, _LONGEST_PAUSE)


def _opened(hop: Hop, through: paramiko.Transport | None, seconds: float, keys: KeyRing) -> paramiko.Transport:
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
        log_in(transport, hop, keys)
        if isinstance(channel, socket.socket):
            channel.settimeout(_READ_SECONDS)
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
        raise NoConnectionError(f"{hop.name}: no connection within {format_seconds(seconds)}") from error
    except ConnectionResetError as error:
        raise _DroppedError(str(error)) from error
    except (OSError, paramiko.SSHException) as error:
        raise NoConnectionError(f"{hop.name}: can't connect: {error}") from error
    else:
        return connection


def _exchange(transport: paramiko.Transport, hop: Hop, seconds: float) -> None:
    known = known_keys(hop.key_name, hop.port, hop.known_hosts)
    options = transport.get_security_options()
    wanted = {_kind_of(line.kind) for line in known if not line.marker}
    options.key_types = sorted(options.key_types, key=lambda kind: _kind_of(kind) not in wanted)
    options.kex = _with_first(options.kex, _EXCHANGES)
    options.ciphers = _with_first(options.ciphers, _CIPHERS)
    transport.banner_timeout = seconds * 2  # ours below bounds the whole, and tells it better
    done = threading.Event()
    # Paramiko's own timeout bounds each line of a banner, not the whole; and it ends without an error.
    transport.start_client(event=done)
    if not done.wait(seconds):
        raise NoConnectionError(f"{hop.name}: no SSH key exchange within {format_seconds(seconds)}")
    if not transport.is_active():
        error = transport.get_exception()
        if _is_drop(error):
            raise _DroppedError(str(error).removeprefix(_BANNER) or "end of the stream")
        raise NoConnectionError(f"{hop.name}: no SSH connection: {error or 'it was closed'}")
    key = transport.get_remote_server_key()
    check_host_key(hop.key_name, hop.port, key.get_name(), key.asbytes(), known, hop.known_hosts)


def _with_first(offered: Sequence[str], first: tuple[str, ...]) -> list[str]:
    return sorted(offered, key=lambda name: first.index(name) if name in first else len(first))


def _is_drop(error: Exception | None) -> bool:
    """Tell whether the stream just ended; a server that says why it ends is taken at its word."""
    if isinstance(error, EOFError | ConnectionError):
        return True
    return isinstance(error, paramiko.SSHException) and str(error).startswith(_BANNER)


def _kind_of(name: str) -> str:
    return "ssh-rsa" if name.startswith("rsa-sha2-") else name
