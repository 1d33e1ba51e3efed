"""Suggestions for misspelled words."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Ask for the nearest of the candidates; empty when none is near."""
    near = difflib.get_close_matches(word, list(candidates), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""
