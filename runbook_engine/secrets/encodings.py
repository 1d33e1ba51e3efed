"""Every form in which a secret is known to turn up in what programs write."""

import base64
import html
import json
import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from runbook_engine.secrets.fields import leaves

MIN_LENGTH = 4
_MIN_LINE = 8
_MARKUP = frozenset("<>&\"'")
# `NAME=value`, `name: value`: whoever is given such a file speaks of its values one by one.
_ASSIGNED = re.compile(r"""(?:export\s+)?["']?[\w.-]+["']?\s*[:=]\s*["']?(.+?)["']?,?$""")


def forms(secret: str) -> frozenset[str]:
    """Give a secret in every form to look for: raw, escaped, encoded, in parts.

    A secret shorter than four characters has none, since they would turn up everywhere by chance.
    """
    found: set[str] = set()
    for part in _parts(secret):
        for variant in (part, part.upper(), part.lower()):
            found.update(_escaped(variant))
        found.update(_encoded(part))
    return frozenset(form for form in found if len(form) >= MIN_LENGTH)


def _parts(secret: str) -> set[str]:
    """The secret, without blanks around it, each long line of it, and each long value when it is a document."""
    lines = [line.strip() for line in secret.splitlines()] if "\n" in secret or "\r" in secret else []
    parts = {secret, secret.strip(), secret.replace("\r\n", "\n"), secret.replace("\n", "\r\n")}
    values = [found[1] for line in lines if (found := _ASSIGNED.match(line))]
    inside = [part for part in (*lines, *values, *leaves(secret)) if len(part) >= _MIN_LINE]
    return {part for part in parts if len(part) >= MIN_LENGTH} | set(inside)


def _escaped(text: str) -> Iterator[str]:
    yield text
    once = [json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]]
    once += [_like_php(form) for form in once] + [_like_go(form) for form in once]
    yield from once
    yield from (json.dumps(escaped)[1:-1] for escaped in once)  # JSON inside JSON, as log lines have it
    yield repr(text)[1:-1]
    yield ascii(text)[1:-1]
    yield shlex.quote(text).removeprefix("'").removesuffix("'")
    yield text.replace("'", "'\\''")
    yield html.escape(text)
    yield html.escape(text, quote=False)
    yield html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield "".join(f"&#{ord(letter)};" if letter in _MARKUP else letter for letter in text)
    encoded = text.encode("utf-8", "surrogatepass")
    for safe in ("", "/", "~", "/~"):
        for percent in (quote(encoded, safe=safe), quote_plus(encoded, safe=safe)):
            yield percent
            yield _lower_percent(percent)


def _like_php(escaped: str) -> str:
    """Escape slashes, too, as PHP and others do."""
    return escaped.replace("/", "\\/")


def _like_go(escaped: str) -> str:
    """Escape what means something in HTML, as Go, Rails and others do."""
    return "".join(f"\\u{ord(letter):04x}" if letter in "<>&" else letter for letter in escaped)


def _encoded(text: str) -> Iterator[str]:
    data = text.encode("utf-8", "surrogatepass")
    yield data.hex()
    yield data.hex().upper()
    yield base64.b64encode(data).decode("ascii")
    yield base64.urlsafe_b64encode(data).decode("ascii")
    for core in _base64_cores(data):
        yield core
        yield core.replace("+", "-").replace("/", "_")


def _base64_cores(data: bytes) -> Iterator[str]:
    """Give the Base64 characters that depend on the data alone, for each of its three places in a longer text.

    This finds it behind a user name (Basic authentication), too.
    """
    for before, first in ((0, 0), (1, 2), (2, 3)):
        text = base64.b64encode(bytes(before) + data).decode("ascii")
        yield text[first : (before + len(data)) * 8 // 6]


def _lower_percent(text: str) -> str:
    head, *rest = text.split("%")
    return head + "".join("%" + part[:2].lower() + part[2:] for part in rest)
