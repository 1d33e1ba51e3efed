"""Making hostile text inert: what a terminal, a page or a reader's eye would obey is shown by its number instead."""

import re
import unicodedata

# Controls (C0 but tab and newline, DEL, C1), lone surrogates, and the Unicode ones that hide or turn text around.
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~-])")


def visible(text: str) -> str:
    """Show every character that is obeyed rather than read as its number; newlines and tabs stay.

    A carriage return before a newline is dropped, for it is only another way to end a line.
    """
    return _SUSPECT.sub(_number, text.replace("\r\n", "\n"))


def one_line(text: str, *, limit: int = 500) -> str:
    """Show text in one line, cut when it is long."""
    line = visible(text).replace("\n", " ⏎ ").replace("\t", " ").strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def markdown(text: str, *, limit: int = 500) -> str:
    """Show text within a line or a table's cell of Markdown, so that it is neither markup nor a link nor a mention."""
    line = one_line(text, limit=limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _MARKDOWN.sub(r"\\\1", line)
    return line.replace("@", "&#64;").replace("://", "&#58;//").replace("www.", "www&#46;")


def _number(match: re.Match[str]) -> str:
    character = match.group()
    if unicodedata.category(character) == "Zs":
        return " "
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004  # widths
