"""What an SSH connection needs to know, from the target's variables and OpenSSH's configuration."""

import getpass
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_engine.connections.ssh_config import HostOptions, ReadFiles, options_for
from runbook_engine.sdk import JsonValue, RunbookError, Target, is_port

_HOST = re.compile(r"[A-Za-z0-9_.:%][A-Za-z0-9_.:%-]*")
_USER = re.compile(r"[^-\s@][^\s@]*")
_JUMP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<host>\[[^]]+\]|[^:]+)(?::(?P<port>\d+))?/?")
_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
_DEPTH = 5
_TIMES = ("connecttimeout", "serveraliveinterval", "serveralivecountmax")
_TIME = re.compile(r"(?:[0-9]++[smhdw]?){1,8}", re.IGNORECASE)
_LONGEST = 86400
_MOST_LETTERS = 1000  # of a time or a count; Python refuses to read one of some thousand
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# The first is ansible-core's and ansible.netcommon's name, the second ansible-core's other one; the last is ours.
PASSPHRASES = ("ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase", "ansible_ssh_key_passphrase")


@dataclass(frozen=True, slots=True)
class SshSettings:
    """How SSH is spoken in this run.

    Attributes:
        home: the user's home, for `~` and the defaults below.
        config: OpenSSH configuration files, None for the user's and the system's.
        known_hosts: files of host keys, None for what the configuration says or OpenSSH's defaults.
        connect_seconds: for each of: connection, banner and key exchange, authentication.
        alive_seconds, alive_count: a reply is asked for every so often; this many without one and the host is lost.
            These three hold where the configuration has no ConnectTimeout, ServerAliveInterval, ServerAliveCountMax.
        idle_seconds: a connection nobody used for so long is closed.
        passphrases: of private keys, by file, as a person gave them for this run.
        files: the configuration's lines; each file is read once.
    """

    home: Path = field(default_factory=Path.home)
    config: tuple[Path, ...] | None = None
    known_hosts: tuple[Path, ...] | None = None
    agent: bool = True
    connect_seconds: float = 10.0
    alive_seconds: float = 3.0
    alive_count: int = 3
    idle_seconds: float = 60.0
    passphrases: Mapping[Path, str] = field(default_factory=dict, repr=False)
    files: ReadFiles = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Hop:
    """One server on the way, with all that proves it to us and us to it. Equal hops share a connection.

    Attributes:
        identities_only: of the agent's keys only those count whose public part is that of one of `keys`.
        connect_seconds, alive_seconds, alive_count: see `SshSettings`.
    """

    host: str
    port: int
    user: str
    key_name: str
    keys: tuple[Path, ...]
    required_key: Path | None
    known_hosts: tuple[Path, ...]
    agent: str | None
    connect_seconds: float
    alive_seconds: float
    alive_count: int
    identities_only: bool = False
    password: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Count the hash once: a hop is looked up with each command."""
        mine = (self.host, self.port, self.user, self.key_name, self.keys, self.required_key, self.known_hosts)
        object.__setattr__(self, "_hash", hash(mine))

    def __hash__(self) -> int:
        """Give what equal hops have in common."""
        return self._hash

    @property
    def name(self) -> str:
        """The hop for messages."""
        return f"{self.user}@{self.host}" + (f":{self.port}" if self.port != 22 else "")  # noqa: PLR2004 - SSH's port


def route(target: Target, settings: SshSettings) -> tuple[Hop, ...]:
    """Give the servers from here to the target, the target last.

    Raises:
        RunbookError: a variable or the configuration is not valid, or asks for what we refuse (ProxyCommand).
    """
    arguments = _arguments(target)
    name = _text(target.variables, "ansible_host", "ansible_ssh_host") or target.name
    options = _options(name, settings)
    user = _text(target.variables, "ansible_user", "ansible_ssh_user") or arguments.get("user")
    port = _text(target.variables, "ansible_port", "ansible_ssh_port") or arguments.get("port")
    key = _text(target.variables, "ansible_ssh_private_key_file", "ansible_private_key_file") or arguments.get("key")
    last = _hop(
        options,
        settings,
        user=user,
        port=port,
        key=key,
        password=_text(target.variables, "ansible_ssh_password", "ansible_ssh_pass", "ansible_password"),
        passphrase=_text(target.variables, *PASSPHRASES),
        given=arguments,
    )
    jumps = arguments.get("jump") or _text(target.variables, "jump_host") or options.get("proxyjump")
    return (*_jumps(jumps, settings, 0), last)


def _jumps(chain: str | None, settings: SshSettings, depth: int) -> tuple[Hop, ...]:
    if chain is None or chain.lower() == "none":
        return ()
    if depth >= _DEPTH:
        raise RunbookError(f"ProxyJump {chain}: more than {_DEPTH} jumps lead through one another")
    hops: list[Hop] = []
    for number, part in enumerate(chain.split(",")):
        match = _JUMP.fullmatch(part.strip())
        if match is None:
            raise RunbookError(f"ProxyJump {chain}: {part!r} is not [user@]host[:port]")
        options = _options(match["host"].strip("[]"), settings)
        if number == 0:
            hops += _jumps(options.get("proxyjump"), settings, depth + 1)
        hops.append(_hop(options, settings, user=match["user"], port=match["port"]))
    return tuple(hops)


def _options(name: str, settings: SshSettings) -> HostOptions:
    if not _HOST.fullmatch(name):
        raise RunbookError(f"{name!r} can't be a host's name", hint="set ansible_host to a name or an address")
    files = settings.config
    if files is None:
        files = (settings.home / ".ssh" / "config", Path("/etc/ssh/ssh_config"))
    options = options_for(name, files, settings.home, settings.files)
    if (options.get("proxycommand") or "none").lower() != "none":
        raise RunbookError(
            f"{name}: the SSH configuration has a ProxyCommand, which is not supported", hint="use ProxyJump"
        )
    return options


def _hop(
    options: HostOptions,
    settings: SshSettings,
    *,
    user: str | None = None,
    port: str | None = None,
    key: str | None = None,
    password: str | None = None,
    passphrase: str | None = None,
    given: Mapping[str, str] | None = None,
) -> Hop:
    host = (options.get("hostname") or options.host).replace("%h", options.host).replace("%%", "%")
    if not _HOST.fullmatch(host):
        raise RunbookError(f"{host!r} can't be a host's name")
    user = user or options.get("user") or getpass.getuser()
    if not _USER.fullmatch(user):
        raise RunbookError(f"{options.host}: {user!r} can't be a user's name")
    number = _port(port or options.get("port") or "22", options.host)
    tokens = {
        "%d": str(settings.home),
        "%h": host,
        "%r": user,
        "%u": getpass.getuser(),
        "%p": str(number),
        "%n": options.host,
    }
    named = tuple(_path(text, settings, tokens) for text in options.lists.get("identityfile", ()))
    required = _path(key, settings, tokens) if key else None
    defaults = tuple(settings.home / ".ssh" / name for name in _DEFAULT_KEYS)
    keys = (required,) if required is not None else named or defaults
    only = (options.get("identitiesonly") or "no").lower() == "yes"
    named_by = given or {}
    connect, alive, count = (named_by.get(name) or options.get(name) for name in _TIMES)
    return Hop(
        host,
        number,
        user,
        options.get("hostkeyalias") or host,
        keys,
        required,
        _known_hosts(options, settings, tokens),
        _agent(options, settings, tokens) if settings.agent else None,
        _seconds(connect, "ConnectTimeout", options.host) or settings.connect_seconds,
        _seconds(alive, "ServerAliveInterval", options.host) or settings.alive_seconds,
        _count(count, options.host) or settings.alive_count,
        only or required is not None,
        password,
        passphrase,
    )


def _known_hosts(options: HostOptions, settings: SshSettings, tokens: Mapping[str, str]) -> tuple[Path, ...]:
    if settings.known_hosts is not None:
        return settings.known_hosts
    ours = options.get("userknownhostsfile")
    system = options.get("globalknownhostsfile")
    users = ours.split() if ours else ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]
    systems = system.split() if system else ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
    return tuple(_path(text, settings, tokens) for text in [*users, *systems] if text.lower() != "none")


def _agent(options: HostOptions, settings: SshSettings, tokens: Mapping[str, str]) -> str | None:
    named = options.get("identityagent")
    if named is None or named == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK")
    return None if named.lower() == "none" else str(_path(named, settings, tokens))


def _path(text: str, settings: SshSettings, tokens: Mapping[str, str]) -> Path:
    for token, value in tokens.items():
        text = text.replace(token, value)
    if text == "~" or text.startswith("~/"):
        return settings.home / text[2:]
    return Path(text)


def _port(text: str, host: str) -> int:
    if not is_port(text):
        raise RunbookError(f"{host}: {text!r} is not a port; it is a number from 1 to 65535")
    return int(text)


def _seconds(text: str | None, keyword: str, host: str) -> float:
    """Read a time as OpenSSH writes it (`90`, `1m30s`); 0 for none, and for what it calls `none` or 0."""
    if text is None or text.lower() == "none":
        return 0.0
    if len(text) > _MOST_LETTERS or not _TIME.fullmatch(text):
        raise RunbookError(f"{host}: {keyword} {text[:40]!r} is not a time", hint="as 30 (seconds), 90s or 1m30s")
    whole = sum(int(number) * _UNITS[unit.lower()] for number, unit in re.findall(r"([0-9]+)([a-zA-Z]?)", text))
    return float(min(whole, _LONGEST))


def _count(text: str | None, host: str) -> int:
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= _MOST_LETTERS):
        raise RunbookError(f"{host}: ServerAliveCountMax {text[:40]!r} is not a number")
    return min(int(text or 0), _LONGEST)


def _arguments(target: Target) -> dict[str, str]:
    """Read the few of OpenSSH's arguments that inventories carry; the host key stays checked whatever they say."""
    found: dict[str, str] = {}
    names = {"-J": "jump", "-i": "key", "-p": "port", "-l": "user"}
    for variable in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        try:
            words = iter(shlex.split(_text(target.variables, variable) or ""))
        except ValueError as error:
            raise RunbookError(f"{target.name}: {variable}: {error}") from error
        for word in words:
            if word[:2] in names:
                found[names[word[:2]]] = word[2:] or next(words, "")
            elif word.startswith("-o"):
                option, _, value = (word[2:] or next(words, "")).partition("=")
                if option.strip().lower() == "proxycommand":
                    raise RunbookError(
                        f"{target.name}: {variable} has a ProxyCommand, which is not supported", hint="use -J"
                    )
                if option.strip().lower() == "proxyjump":
                    found["jump"] = value.strip()
                elif option.strip().lower() in _TIMES:
                    found[option.strip().lower()] = value.strip()
    return found


def _text(variables: Mapping[str, JsonValue], *names: str) -> str | None:
    for name in names:
        value = variables.get(name)
        if value is not None and value != "":
            if isinstance(value, str | int) and not isinstance(value, bool):
                return str(value)
            raise RunbookError(f"{name} must be text or a number")
    return None
