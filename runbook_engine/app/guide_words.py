"""Templates, conditions and commands as a person reads them: «name» stands for a value of their own, never a secret."""

import re
import shlex
from collections.abc import Callable, Mapping

from runbook_engine.model.between import replaced
from runbook_engine.model.json import JsonValue

# Bounds, since a text that opens a parenthesis many times and closes none would be read anew from each.
_SECRET = re.compile(r"secret\(\s{0,99}+(?:['\"]([^'\"]{0,999}+)['\"]|([^)]{0,999}+))\s{0,99}+\)")
_STEP = re.compile(r"steps\[['\"]([^'\"]+)['\"]\]\.(\w+)")
_CHANGED = re.compile(r"outcome of (step \S+) == ['\"]changed['\"]")
_MARK = re.compile(r"«[^»]*»")
_SAFE = re.compile(r"[\w@%+=:,./-]*", re.ASCII)
_EXITS = re.compile(r"(?:^|[;&|({]\s*)exit\b")
_STATEMENTS: dict[str, Callable[[str], str]] = {
    "for": lambda rest: f"«for each {rest}:»",
    "endfor": lambda _: "«end of each»",
    "if": lambda rest: f"«if {rest}:»",
    "elif": lambda rest: f"«otherwise, if {rest}:»",
    "else": lambda _: "«otherwise:»",
    "endif": lambda _: "«end of if»",
}


def shown(text: str) -> str:
    """Show a template as a person reads it."""
    text = replaced(text, "{#", "#}", lambda _: "")
    text = replaced(text, "{%", "%}", _statement)
    return replaced(text, "{{", "}}", lambda inner: f"«{said(bare(inner))}»")


def bare(inner: str) -> str:
    """Give what stands between the marks of a template, without the hyphens that take spaces away around it."""
    return inner.removeprefix("-").removesuffix("-").strip()


def _statement(inner: str) -> str:
    word, *rest = bare(inner).split(None, 1) or [""]
    words = said("".join(rest))
    return _STATEMENTS[word](words) if word in _STATEMENTS else f"«{word} {words}»"


def said(expression: str) -> str:
    """Give an expression in words, as far as that goes."""
    words = _SECRET.sub(lambda found: f"the secret {found[1] or found[2].strip()}", expression)
    words = _STEP.sub(r"\2 of step \1", words)
    return re.sub(r"\s*\|\s*(?:quote|default\([^)]{0,999}+\)|dict2items)", "", " ".join(words.split()))


def condition(expression: str) -> str:
    """Give a step's condition as a sentence."""
    words = _CHANGED.sub(r"\1 changed something", said(expression))
    return f"Only if {words}."


def command(value: JsonValue) -> str:
    """Give a command for a shell, to be typed as it stands: the words of an argv quoted where that is needed."""
    if isinstance(value, list):
        return " ".join(_word(shown(str(item))) for item in value)
    text = shown(value) if isinstance(value, str) else ""
    # Typed into a login's shell, `exit` would end that.
    return f"( {text} )" if _EXITS.search(text) and "\n" not in text else text


def _word(text: str) -> str:
    plain = _MARK.sub("", text)
    return text if (plain or text) and _SAFE.fullmatch(plain) else shlex.quote(text)


def _archive(params: Mapping[str, JsonValue]) -> str:
    archive, dest, strip = (params.get(name) for name in ("archive", "dest", "strip"))
    inner = "" if strip in (None, 0) else f" --strip-components={_word(shown(str(strip)))}"
    sum_line = f"echo '{shown(str(params.get('sha256')))}  '{_word(shown(str(archive)))} | sha256sum --check"
    folder = _word(shown(str(dest)))
    return f"{sum_line} &&\n  mkdir {folder} &&\n  tar -x -p -f {_word(shown(str(archive)))} -C {folder}{inner}"


def _service(params: Mapping[str, JsonValue]) -> str:
    verbs = {"started": "start", "stopped": "stop"}
    name = _word(shown(str(params.get("name"))))
    lines = [f"systemctl {verbs[str(params['state'])]} {name}"] if params.get("state") in verbs else []
    if isinstance(params.get("enabled"), bool):
        lines.append(f"systemctl {'enable' if params['enabled'] else 'disable'} {name}")
    return "\n".join(lines)


BY_HAND: Mapping[str, Callable[[Mapping[str, JsonValue]], str]] = {
    "archive.restore": _archive,
    "service.state": _service,
}
"""For actions that a few commands can stand for: these commands."""
