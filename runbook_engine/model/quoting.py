"""Makes parts of a file safe to show: nothing invisible reaches a terminal, nothing long fills a sentence."""

import difflib
import re
from collections.abc import Iterable

# C0, DEL and C1, line and paragraph separators, bidirectional marks, embeddings, overrides and isolates,
# zero-width characters, surrogates.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_LONGEST_WORD = 100
_LONGEST_QUOTE = 60


def neutral(text: str) -> str:
    """Write every invisible character as an escape, with a backslash and its hexadecimal code."""
    return _INVISIBLE.sub(lambda match: _escape(ord(match.group())), text)


def quoted(text: object) -> str:
    """Quote a part of a file in a sentence: neutralised, shortened."""
    shown = neutral(str(text)[: _LONGEST_QUOTE + 1])
    return f'"{shown}"' if len(shown) <= _LONGEST_QUOTE else f'"{shown[: _LONGEST_QUOTE - 1]}…"'


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Suggest the candidate most like a misspelt word, as a question; empty when none is like it."""
    match = closest(word, candidates)
    return f"did you mean {quoted(match)}?" if match else ""


def closest(word: str, candidates: Iterable[str]) -> str:
    """Give the candidate most like a word, empty when none is like it."""
    if len(word) > _LONGEST_WORD:
        return ""  # comparing takes time by the product of the lengths, and no name is that long
    folded = {candidate.lower().replace("_", "-"): candidate for candidate in candidates}
    matches = difflib.get_close_matches(word.lower().replace("_", "-"), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else ""


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - two digits end there
