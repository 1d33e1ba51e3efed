"""A secret inside an expression: never its value, always the reference and what is to be done with it later."""

import json
from collections.abc import Sequence
from typing import NoReturn

from runbook_engine.expressions.errors import TemplateError

OPERATIONS = frozenset({"b64encode", "json_escape", "quote", "trim", "urlencode"})
TEXT = "text:"


class SecretValue:
    """Stands for a secret while an expression is evaluated; whatever would look at the value is refused.

    Args:
        reference: `scheme:reference`, or `text:` and a JSON list of literal texts and `{"secret": reference}`, with
            the operations to apply after resolving in front: `b64encode|env:NAME`.
    """

    __slots__ = ("reference",)

    def __init__(self, reference: str) -> None:
        self.reference = reference

    def then(self, operation: str) -> "SecretValue":
        """Give the secret that results from an operation of `OPERATIONS`."""
        return SecretValue(f"{operation}|{self.reference}")

    def parts(self) -> "list[str | SecretValue]":
        """Take a text apart that has secrets in it; a bare secret is its own only part."""
        if not self.reference.startswith(TEXT):
            return [self]
        items = json.loads(self.reference[len(TEXT) :])
        return [item if isinstance(item, str) else SecretValue(item["secret"]) for item in items]

    def _refuse(self, *_arguments: object) -> NoReturn:
        raise TemplateError(
            "a secret can't be compared, tested, cut, counted or changed in an expression, because its value is not"
            " known before the attempt",
            hint=f"use it as it is, join it with other text, or apply one of: {', '.join(sorted(_FILTERS))}",
        )

    __add__ = __radd__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __sub__ = __rsub__ = __truediv__ = _refuse
    __floordiv__ = __pow__ = __neg__ = __pos__ = __int__ = __float__ = __index__ = __round__ = __abs__ = _refuse
    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __str__ = __format__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refuse

    def __repr__(self) -> str:
        return f"<secret {self.reference}>"


_FILTERS = (OPERATIONS - {"json_escape"}) | {"to_json", "join"}


def join_parts(parts: Sequence[object]) -> "str | SecretValue":
    """Join texts and secrets (anything else is refused) to one text, a secret one when a secret is in it."""
    flat: list[str | SecretValue] = []
    for part in parts:
        pieces: Sequence[object] = part.parts() if isinstance(part, SecretValue) else [part]
        for piece in pieces:
            if isinstance(piece, str) and flat and isinstance(flat[-1], str):
                flat[-1] += piece
            elif isinstance(piece, SecretValue) or (isinstance(piece, str) and piece):
                flat.append(piece)
    if not flat:
        return ""
    if len(flat) == 1:
        return flat[0]
    items = [item if isinstance(item, str) else {"secret": item.reference} for item in flat]
    return SecretValue(TEXT + json.dumps(items, ensure_ascii=False))
