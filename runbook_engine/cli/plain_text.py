"""Text from hosts, files and people made harmless for a terminal."""

import re

# C0 and C1 controls, DEL, bidirectional controls, line and paragraph separators, zero-width and tag characters, and
# lone surrogates: what can move the cursor, recolour, reorder, hide or fake a line.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_HARMFUL_IN_LINES = re.compile(_HARMFUL.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))


def plain(text: str, *, lines: bool = False, limit: int = 0) -> str:
    """Show control, bidirectional and invisible characters as escapes, so that text can only be text.

    Args:
        lines: keep line feeds and tabs.
        limit: greatest number of characters, 0 for any.
    """
    shown = (_HARMFUL_IN_LINES if lines else _HARMFUL).sub(_escape, text)
    return shown if not limit or len(shown) <= limit else shown[: limit - 1] + "…"


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if match.group() in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[match.group()]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
