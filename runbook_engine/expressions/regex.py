"""Regular expressions that can't hang the engine: cheap ones run here, others in a child process with a time limit."""

import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined] # the parser of `re` has no public name
from re import _parser  # type: ignore[attr-defined] # see above
from typing import Any

from runbook_engine.expressions.bounds import check_text_size
from runbook_engine.expressions.errors import TemplateError

MAX_PATTERN = 500
MAX_INPUT = 100_000
_CHEAP_STEPS = 5_000_000
_CHILD_SECONDS = 2.0
_CHILD_MEMORY = 512 * 1024 * 1024
_HOPELESS = 99

# `re` holds the interpreter's lock while it matches, so that only another process can be given up on.
_CHILD = """
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
job = json.load(sys.stdin)
pattern = re.compile(job["pattern"], job["flags"])
match job["what"]:
    case "replace":
        result = pattern.sub(job["replacement"], job["text"], count=job["count"])
    case "findall":
        result = pattern.findall(job["text"])
    case "lines":
        result = [line for line in job["text"].split("\\n") if pattern.match(line)]
    case how:
        found = getattr(pattern, how)(job["text"])
        result = None if found is None else [found[0], *found.groups()]
json.dump(result, sys.stdout)
"""


def replace(text: str, pattern: str, replacement: str, *, flags: int = 0, count: int = 0) -> str:
    r"""Replace what a pattern matches; the replacement may hold `\1` and `\g<name>`."""
    _check_pattern(replacement)
    compiled, cheap = _prepare(pattern, flags, text)
    try:
        if cheap:
            # Each match may insert every group: bounded by the two limits on the replacement and on cheap texts.
            result = compiled.sub(replacement, text, count=count)
        else:
            job = {"what": "replace", "replacement": replacement, "count": count}
            result = str(_in_child(job, pattern, flags, text))
    except (re.error, IndexError) as error:
        raise TemplateError(f"the replacement {replacement!r} does not fit the pattern: {error}") from None
    check_text_size(len(result))
    return result


def find_all(text: str, pattern: str, *, flags: int = 0) -> list[object]:
    """Give every match: its text, its only group, or its groups as a list."""
    compiled, cheap = _prepare(pattern, flags, text)
    found: Iterable[Any] = compiled.findall(text) if cheap else _in_child({"what": "findall"}, pattern, flags, text)
    return [list(item) if isinstance(item, tuple | list) else item for item in found]


def find(text: str, pattern: str, how: str = "search", *, flags: int = 0) -> list[str | None] | None:
    """Give the first match (`search`, `match` or `fullmatch`) and its groups, None when there is none."""
    compiled, cheap = _prepare(pattern, flags, text)
    if not cheap:
        answer: list[str | None] | None = _in_child({"what": how}, pattern, flags, text)
        return answer
    found = getattr(compiled, how)(text)
    return None if found is None else [found[0], *found.groups()]


def matching(lines: Collection[str], pattern: str) -> list[str]:
    """Give the lines that a pattern matches at their beginning, in their order.

    Raises:
        TemplateError: it is no pattern, or finds no end in time.
    """
    compiled, cheap = _prepare(pattern, 0, max(lines, key=len, default=""))
    if cheap:
        return [line for line in lines if compiled.match(line)]
    found: list[str] = _in_child({"what": "lines"}, pattern, 0, "\n".join(lines))
    return found


def _prepare(pattern: str, flags: int, text: str) -> tuple[re.Pattern[str], bool]:
    """Compile a pattern and tell whether matching it against this text is surely cheap."""
    if len(text) > MAX_INPUT:
        raise TemplateError(f"the text has {len(text):,} characters; a regular expression may search {MAX_INPUT:,}")
    compiled, degree = _compile(_check_pattern(pattern), flags)
    return compiled, degree < _HOPELESS and (len(text) + 1) ** degree <= _CHEAP_STEPS


def _check_pattern(pattern: str) -> str:
    if len(pattern) > MAX_PATTERN:
        raise TemplateError(f"a regular expression may have {MAX_PATTERN} characters, this one has {len(pattern)}")
    return pattern


@lru_cache(maxsize=500)
def _compile(pattern: str, flags: int) -> tuple[re.Pattern[str], int]:
    try:
        compiled = re.compile(pattern, flags)
        degree = 1 + _degree(_parser.parse(pattern, flags), inside=False)
    except (re.error, OverflowError, RecursionError) as error:
        raise TemplateError(f"{pattern!r} is not a regular expression: {error}") from None
    return compiled, degree


def _degree(items: Sequence[tuple[Any, Any]], *, inside: bool) -> int:
    """Bound the power of the text's length that matching can cost, `_HOPELESS` or more when it may be exponential."""
    total = 0
    for operation, argument in items:
        if operation in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
            low, high, body = argument
            if high == 1:
                total += 1 + _degree(body, inside=inside) if inside else _degree(body, inside=False)
            else:
                total += _HOPELESS if inside or low > MAX_PATTERN else 1 + _degree(body, inside=True)
        elif operation is sre.BRANCH:
            total += _HOPELESS if inside else max(_degree(branch, inside=False) for branch in argument[1])
        elif operation is sre.SUBPATTERN:
            total += _degree(argument[3], inside=inside)
        elif operation in {sre.ASSERT, sre.ASSERT_NOT}:
            total += 1 + _degree(argument[1], inside=inside)
        elif operation is sre.ATOMIC_GROUP:
            total += _degree(argument, inside=inside)
        elif operation in {sre.GROUPREF, sre.GROUPREF_EXISTS}:
            total += _HOPELESS
    return total


def _in_child(job: dict[str, object], pattern: str, flags: int, text: str) -> Any:
    """Match in a child process; its answer is JSON, whose shape depends on the job."""
    document = json.dumps({**job, "pattern": pattern, "flags": flags, "text": text})
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _CHILD, str(_CHILD_MEMORY)],
            input=document,
            capture_output=True,
            text=True,
            timeout=_CHILD_SECONDS,
            check=False,
            encoding="utf-8",
        )
    except subprocess.TimeoutExpired:
        raise TemplateError(
            f"the regular expression {pattern!r} found no end within {_CHILD_SECONDS:g} s on {len(text):,} characters",
            hint="avoid a repetition inside a repetition, and anchor the expression",
        ) from None
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2] or f"status {done.returncode}"
        raise TemplateError(f"the regular expression {pattern!r} failed: {reason}")
    return json.loads(done.stdout)
