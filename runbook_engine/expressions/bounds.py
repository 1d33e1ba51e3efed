"""Bounds on what a template may cost, so that none can hang the engine or eat its memory."""

import re
from collections.abc import Iterator, Mapping

from runbook_engine.expressions.errors import TemplateError

MAX_TEXT = 1_000_000
MAX_RANGE = 10_000
MAX_WORK = 500_000
MAX_BITS = 4096
_CHARACTERS_A_UNIT = 32
# What stands in a `%` format behind `%` and its key, to the end of the field, as Python takes it apart.
_FORMAT_FIELD = re.compile(r"[-#0 +]*+(?P<width>\*|[0-9]++)?(?:\.(?P<digits>\*|[0-9]*+))?[hlL]?.?", re.DOTALL)
_PARENTHESES = re.compile("[()]")


class Budget:
    """Work that one rendering may still do; a unit is about a microsecond."""

    __slots__ = ("left",)

    def __init__(self, work: int = MAX_WORK) -> None:
        self.left = work

    def charge(self, units: int) -> None:
        """Take units away.

        Raises:
            TemplateError: nothing is left.
        """
        self.left -= units
        if self.left < 0:
            raise TemplateError(
                "the template does too much work: too many turns of a loop, or values that are too large",
                hint="let an action do the work (command.run, script.run) and use its output",
            )

    def charge_for(self, value: object) -> None:
        """Take away what a look at the whole value costs, counting shared parts as often as they occur."""
        if value is None or isinstance(value, bool | float):
            self.charge(1)
            return
        pending = [value]
        while pending:
            item = pending.pop()
            if isinstance(item, str):
                self.charge(1 + len(item) // _CHARACTERS_A_UNIT)
            elif isinstance(item, dict):
                self.charge(1 + len(item))
                pending.extend(item.values())
            elif isinstance(item, list | tuple):
                self.charge(1 + len(item))
                pending.extend(item)
            else:
                self.charge(1)


def check_text_size(size: int) -> None:
    """Refuse a text that would be longer than a template may make.

    Raises:
        TemplateError: it would.
    """
    if size > MAX_TEXT:
        raise TemplateError(f"the text would have {size:,} characters; a template may make {MAX_TEXT:,}")


def check_bits(bits: int) -> None:
    """Refuse a number that would be larger than a template may make.

    Raises:
        TemplateError: it would.
    """
    if bits > MAX_BITS:
        raise TemplateError(f"the number would have more than {MAX_BITS} bits")


def check_product(left: object, right: object) -> None:
    """Refuse a `*` whose result would be too large."""
    for sequence, times in ((left, right), (right, left)):
        if isinstance(sequence, str | list | tuple) and isinstance(times, int):
            limit = MAX_TEXT if isinstance(sequence, str) else MAX_RANGE
            if len(sequence) * times > limit:
                raise TemplateError(f"a repetition {times} times would be larger than {limit:,} items or characters")
    if isinstance(left, int) and isinstance(right, int):
        check_bits(left.bit_length() + right.bit_length())


def check_power(base: object, exponent: object) -> None:
    """Refuse a `**` whose result would be too large."""
    if isinstance(base, int) and isinstance(exponent, int):
        check_bits(max(base.bit_length(), 1) * abs(exponent))


def check_replacement(text: str, old: str, new: str) -> None:
    """Refuse a replacement whose result would be too long."""
    check_text_size(len(text) + text.count(old) * max(len(new) - len(old), 0))


def check_format(pattern: str, arguments: object) -> None:
    """Refuse a `%` formatting with a width or precision that would make a large text."""
    size = len(pattern)
    longest = _longest_text(arguments)
    for match in _format_fields(pattern):
        for number in (match["width"], match["digits"]):
            if number == "*" or (number and (len(number) > 3)):  # noqa: PLR2004 - below 1,000
                raise TemplateError("a width or precision in a format must be a number below 1000")
        size += 1000 + longest if match["width"] or match["digits"] else longest
    check_text_size(size)


def _format_fields(pattern: str) -> Iterator[re.Match[str]]:
    """Take a format apart exactly as Python does, `%%` and parentheses inside of keys included, each letter once."""
    at = pattern.find("%") + 1
    while at:
        if pattern.startswith("(", at):
            at = _behind_key(pattern, at)
        match = _FORMAT_FIELD.match(pattern, at)
        if match is None:
            return
        yield match
        at = pattern.find("%", match.end()) + 1


def _behind_key(pattern: str, begin: int) -> int:
    """Give where a key ends, its own parentheses counted; the end of the text when it does not end (Python refuses)."""
    open_ones = 0
    for match in _PARENTHESES.finditer(pattern, begin):
        open_ones += 1 if match[0] == "(" else -1
        if not open_ones:
            return match.end()
    return len(pattern)


def _longest_text(arguments: object) -> int:
    if isinstance(arguments, Mapping):
        arguments = tuple(arguments.values())
    items = arguments if isinstance(arguments, list | tuple) else (arguments,)
    return max((len(item) if isinstance(item, str) else 64 for item in items), default=0)
