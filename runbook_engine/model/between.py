"""Replaces what stands between two marks, in time that grows with the text alone."""

from collections.abc import Callable


def replaced(text: str, opening: str, closing: str, give: Callable[[str], str]) -> str:
    """Replace each piece of a text, marks and all; an opening mark that nothing closes stays.

    Args:
        give: gives what takes the place of a piece, by what stands between its marks.
    """
    parts, at = list[str](), 0
    while (start := text.find(opening, at)) >= 0:
        end = text.find(closing, start + len(opening))
        if end < 0:
            break
        parts += (text[at:start], give(text[start + len(opening) : end]))
        at = end + len(closing)
    return "".join(parts) + text[at:]
