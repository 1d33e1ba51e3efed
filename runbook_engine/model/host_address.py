"""How inventories and patterns write a host: a name or an address, perhaps with ranges, perhaps with a port."""

import ipaddress
import re

_RANGE = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]"
_LABEL = rf"(?:\w|{_RANGE})(?:[\w-]|{_RANGE})*(?<![_-])"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_HEX_RANGE = re.compile(r"\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]", re.IGNORECASE)
_BRACKETS_AND_PORT = re.compile(r"\[(.+)\]:([0-9]{1,9})")
_NAME_AND_PORT = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]{1,9})")


def split_port(text: str) -> tuple[str, int | None] | None:
    """Split `web[1:3].example.com:2222` or `[2001:db8::1]:22` into host and port.

    Returns:
        The host, ranges untouched, and the port if there is one; nothing when the text is no host name or address.
        A bare IPv6 address has no port: `::1` is an address, `[::1]:22` has one.
    """
    host, port = text, None
    for form in (_BRACKETS_AND_PORT, _NAME_AND_PORT):
        if match := form.fullmatch(host):
            host, port = match[1], int(match[2])
    return (host, port) if _NAME.fullmatch(host) or _is_ipv6(host) else None


def _is_ipv6(text: str) -> bool:
    if ":" not in text or "%" in text:
        return False
    try:
        ipaddress.IPv6Address(_HEX_RANGE.sub("0", text))
    except ValueError:
        return False
    return True
