"""Filters that make or read text, as Jinja2 and Ansible name them."""

import base64
import hashlib
import json
import posixpath
import re
import shlex
from collections.abc import Callable, Mapping
from urllib.parse import quote as percent_encode

from runbook_engine.expressions import regex
from runbook_engine.expressions.bounds import check_format, check_replacement, check_text_size
from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.plain import to_json_value, to_text
from runbook_engine.expressions.secret_value import SecretValue, join_parts

_HASHES = ("md5", "sha1", "sha256", "sha384", "sha512")
_MAX_INDENT = 100


def to_json(value: object, indent: int | None = None, *, sort_keys: bool = False, ensure_ascii: bool = True) -> object:
    """Write JSON; secrets in it are escaped when they are put in."""
    if isinstance(value, SecretValue):
        return join_parts(['"', value.then("json_escape"), '"'])
    issued: dict[str, str] = {}
    plain = to_json_value(value, issued)
    text = json.dumps(
        plain, indent=_check_indent(indent), sort_keys=sort_keys, ensure_ascii=ensure_ascii and not issued
    )
    check_text_size(len(text))
    if not issued:
        return text
    pieces = re.split("(" + "|".join(map(re.escape, issued)) + ")", text)
    return join_parts(
        [SecretValue(issued[piece]).then("json_escape") if piece in issued else piece for piece in pieces]
    )


def to_nice_json(value: object, indent: int = 4) -> object:
    """Write JSON over several lines, keys sorted."""
    return to_json(value, indent, sort_keys=True)


def from_json(value: object) -> object:
    """Read JSON."""
    try:
        return json.loads(to_text(value))
    except ValueError as error:
        raise TemplateError(f"from_json: the text is not JSON: {error}") from None
    except RecursionError:
        raise TemplateError("from_json: the text is nested too deep") from None


def to_yaml(value: object) -> str:
    """Write YAML, in blocks."""
    import yaml

    text: str = yaml.safe_dump(to_json_value(value, None), default_flow_style=False, allow_unicode=True)
    check_text_size(len(text))
    return text


def b64encode(value: object) -> object:
    """Encode as Base64, of the UTF-8 form."""
    if isinstance(value, SecretValue):
        return value.then("b64encode")
    return base64.b64encode(to_text(value).encode()).decode("ascii")


def b64decode(value: object) -> str:
    """Decode Base64 to UTF-8 text."""
    try:
        return base64.b64decode(to_text(value), validate=True).decode()
    except ValueError as error:
        raise TemplateError(f"b64decode: not Base64 of UTF-8 text: {error}") from None


def urlencode(value: object) -> object:
    """Percent-encode: a text but for its slashes, a secret wholly, a mapping as a query string."""
    if isinstance(value, SecretValue):
        return value.then("urlencode")
    if isinstance(value, Mapping):
        pairs: list[object] = []
        for key, item in value.items():
            text = urlencode(item) if isinstance(item, SecretValue) else percent_encode(to_text(item), safe="")
            pairs += ["&" if pairs else "", percent_encode(to_text(key), safe=""), "=", text]
        return join_parts(pairs)
    return percent_encode(to_text(value), safe="/")


def quote(value: object) -> object:
    """Quote for a POSIX shell."""
    return value.then("quote") if isinstance(value, SecretValue) else shlex.quote(to_text(value))


def trim(value: object, chars: str | None = None) -> object:
    """Cut blanks (or the characters named) from both ends."""
    if isinstance(value, SecretValue):
        if chars is not None:
            raise TemplateError("trim of a secret cuts blanks only")
        return value.then("trim")
    return to_text(value).strip(chars)


def replace(value: object, old: str, new: str, count: int = -1) -> str:
    """Replace a text by another."""
    text = to_text(value)
    check_replacement(text, old, new)
    return text.replace(old, new, count)


def format_(value: str, *arguments: object, **names: object) -> str:
    """Fill in `%s` and its like."""
    return percent(value, names or arguments)


def percent(pattern: str, arguments: object) -> str:
    """Do what Python's `%` does with a text, with bounds on widths and length."""
    if isinstance(arguments, Mapping):
        plain: object = {key: to_json_value(item, None) for key, item in arguments.items()}
    elif isinstance(arguments, tuple):
        plain = tuple(to_json_value(item, None) for item in arguments)
    else:
        plain = to_json_value(arguments, None)
    check_format(pattern, plain)
    return pattern % plain


def indent(value: object, width: int = 4, first: bool = False, blank: bool = False) -> str:
    """Indent every line but the first."""
    pad = " " * (_check_indent(width) or 0)
    lines = to_text(value).split("\n")
    check_text_size(sum(map(len, lines)) + len(lines) * len(pad))
    return "\n".join(pad + line if (line or blank) and (number or first) else line for number, line in enumerate(lines))


def regex_replace(value: object, pattern: str = "", replacement: str = "", ignorecase: bool = False,
                  multiline: bool = False, count: int = 0) -> str:  # fmt: skip
    """Replace what a regular expression matches."""
    return regex.replace(to_text(value), pattern, replacement, flags=_flags(ignorecase, multiline), count=count)


def regex_search(
    value: object, pattern: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> object:
    r"""Give the first match, or with `'\\1'` or `'\\g<name>'` arguments a list of groups; null when there is none."""
    found = regex.find(to_text(value), pattern, flags=_flags(ignorecase, multiline))
    if found is None:
        return None
    if not groups:
        return found[0]
    names = re.compile(pattern).groupindex
    chosen = []
    for group in groups:
        word = group.removeprefix("\\g<").removesuffix(">") if group.startswith("\\g<") else group.removeprefix("\\")
        number = names.get(word, int(word) if word.isdecimal() else -1)
        if not 0 <= number < len(found):
            raise TemplateError(f"regex_search: the pattern has no group {group!r}")
        chosen.append(found[number])
    return chosen


def regex_findall(value: object, pattern: str, multiline: bool = False, ignorecase: bool = False) -> list[object]:
    """Give every match."""
    return regex.find_all(to_text(value), pattern, flags=_flags(ignorecase, multiline))


def hash_(value: object, algorithm: str = "sha1") -> str:
    """Give the hash of the UTF-8 form, hexadecimal."""
    if algorithm not in _HASHES:
        raise TemplateError(f"hash: there is no {algorithm!r}; there are {', '.join(_HASHES)}")
    return hashlib.new(algorithm, to_text(value).encode(), usedforsecurity=False).hexdigest()


def _flags(ignorecase: bool, multiline: bool) -> int:
    return int((re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0))


def _check_indent(width: int | None) -> int | None:
    if width is not None and not 0 <= width <= _MAX_INDENT:
        raise TemplateError(f"an indentation must be between 0 and {_MAX_INDENT}")
    return width


FILTERS: Mapping[str, Callable[..., object]] = {
    "b64decode": b64decode,
    "b64encode": b64encode,
    "basename": lambda value: posixpath.basename(to_text(value)),
    "capitalize": lambda value: to_text(value).capitalize(),
    "dirname": lambda value: posixpath.dirname(to_text(value)),
    "format": format_,
    "from_json": from_json,
    "hash": hash_,
    "indent": indent,
    "lower": lambda value: to_text(value).lower(),
    "quote": quote,
    "regex_escape": lambda value: re.escape(to_text(value)),
    "regex_findall": regex_findall,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "replace": replace,
    "split": lambda value, separator=None, count=-1: to_text(value).split(separator, count),
    "string": lambda value: value if isinstance(value, SecretValue) else to_text(value),
    "title": lambda value: to_text(value).title(),
    "to_json": to_json,
    "tojson": to_json,
    "to_nice_json": to_nice_json,
    "to_yaml": to_yaml,
    "to_nice_yaml": to_yaml,
    "trim": trim,
    "upper": lambda value: to_text(value).upper(),
    "urlencode": urlencode,
}
