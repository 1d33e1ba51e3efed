"""What the variables may say that tell how a host is reached: Ansible's names, those of its values that work here."""

from typing import Literal, NamedTuple

from runbook_engine.model.json import JsonObject, JsonValue

ConnectionKind = Literal["ssh", "local", "ssm"]

_KINDS: dict[str, ConnectionKind] = {
    **dict.fromkeys(
        ("ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ansible.builtin.paramiko_ssh"), "ssh"
    ),
    **dict.fromkeys(("local", "ansible.builtin.local"), "local"),
    **dict.fromkeys(("ssm", "aws_ssm", "amazon.aws.aws_ssm", "community.aws.aws_ssm"), "ssm"),
}
# Connections that Ansible has besides: hosts of that kind are no mistake, they just can't be reached from here.
_ELSEWHERE = frozenset(
    {
        *("buildah", "chroot", "docker", "funcd", "httpapi", "incus", "iocage", "jail", "kubectl", "libssh"),
        *("libvirt_lxc", "lxc", "lxd", "napalm", "netconf", "network_cli", "oc", "podman", "proxmox_pct_remote"),
        *("psrp", "qubes", "saltstack", "vmware_tools", "winrm", "wsl", "zone"),
    }
)
_SUDO = frozenset({"sudo", "ansible.builtin.sudo"})
_TRUE = frozenset({"yes", "true", "on", "1", "y", "t"})
_FALSE = frozenset({"no", "false", "off", "0", "n", "f", ""})
_LARGEST_PORT = 65535
_LONGEST_SHOWN = 60


class Problem(NamedTuple):
    """What is wrong with a variable's value; `elsewhere` is true when only this engine can't use it."""

    message: str
    hint: str
    elsewhere: bool = False


def connection_kind(value: str) -> ConnectionKind | None:
    """Tell which connection a value of `ansible_connection` means; None when there is none of that name."""
    return _KINDS.get(value)


def is_local(name: str, variables: JsonObject) -> bool:
    """Tell whether a target is the machine itself on which its attempts are made."""
    kind = str(variables.get("ansible_connection") or ("local" if name == "localhost" else "ssh"))
    return connection_kind(kind) == "local"


def truth(value: JsonValue) -> bool | None:
    """Tell what a variable that is true or false says, as Ansible reads it; None when it is neither."""
    if isinstance(value, bool) or value is None:
        return bool(value)
    word = str(value).lower()
    return True if word in _TRUE else False if word in _FALSE else None


def is_port(text: str) -> bool:
    """Tell whether a text is the number of a TCP port."""
    return text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST_PORT


def variable_problem(name: str, value: JsonValue) -> Problem | None:
    """Say what is wrong with the value of a connection's variable; None for all others, and for templates."""
    judge = _JUDGES.get(name)
    if judge is None or value is None or value == "" or (isinstance(value, str) and ("{{" in value or "{%" in value)):
        return None
    return judge(name, value)


def _connection(name: str, value: JsonValue) -> Problem | None:
    if isinstance(value, str) and value in _KINDS:
        return None
    elsewhere = isinstance(value, str) and (value.rpartition(".")[2] in _ELSEWHERE or value.count(".") > 1)
    return Problem(f"{name} is {_shown(value)}, which is not supported", "use ssh, local or aws_ssm", elsewhere)


def _port(name: str, value: JsonValue) -> Problem | None:
    if isinstance(value, str | int) and not isinstance(value, bool) and is_port(str(value).strip()):
        return None
    return Problem(f"{name} is {_shown(value)}, which is no port", f"a port is a number from 1 to {_LARGEST_PORT}")


def _boolean(name: str, value: JsonValue) -> Problem | None:
    if truth(value) is not None:
        return None
    return Problem(f"{name} is {_shown(value)}, which is neither true nor false", "write true or false")


def _method(name: str, value: JsonValue) -> Problem | None:
    if isinstance(value, str) and value in _SUDO:
        return None
    return Problem(f"{name} is {_shown(value)}, which is not supported", "use sudo")


def _word(name: str, value: JsonValue) -> Problem | None:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return None
    return Problem(f"{name} is {_shown(value)}, which is no text", "write one word, in quotes if need be")


def _seconds(name: str, value: JsonValue) -> Problem | None:
    if isinstance(value, str | int) and not isinstance(value, bool) and str(value).isdigit() and int(value) > 0:
        return None
    return Problem(f"{name} is {_shown(value)}, which is no number of seconds", "write a whole number, such as 60")


_JUDGES = {
    "ansible_connection": _connection,
    "ansible_port": _port,
    "ansible_ssh_port": _port,
    "ansible_become": _boolean,
    "ansible_become_method": _method,
    "ansible_aws_ssm_timeout": _seconds,
    **dict.fromkeys(
        (
            *("ansible_host", "ansible_ssh_host", "ansible_user", "ansible_ssh_user", "ansible_become_user"),
            *("ansible_ssh_private_key_file", "ansible_private_key_file", "jump_host"),
            *("ansible_aws_ssm_instance_id", "ansible_aws_ssm_region", "ansible_aws_ssm_profile"),
        ),
        _word,
    ),
}


def _shown(value: JsonValue) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
