"""Makes file names that lead nowhere and work everywhere out of names that anybody may have given."""

import re
import unicodedata

_LENGTH = 120  # bytes, so that name and ending fit every file system
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names that Windows keeps for itself


def safe_name(name: str) -> str:
    """Give a file name for a name from outside: its letters and its ending, as far as they are harmless.

    It is not unique: put it into a folder of its own.
    """
    plain = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    kept = "".join(sign if _is_harmless(sign) else "_" for sign in plain).strip(" .")
    kept = kept.replace("..", "_.").lstrip("-~")
    stem, dot, ending = kept.rpartition(".")
    if not dot or len(ending.encode()) > 16:  # noqa: PLR2004 - what people take for an ending
        stem, dot, ending = kept, "", ""
    room = _LENGTH - len((dot + ending).encode())
    short = stem.encode()[:room].decode("utf-8", "ignore").strip(" .")
    whole = f"{short}{dot}{ending}" if short else ending
    return f"_{whole}" if not whole or _DEVICES.fullmatch(whole) else whole


def _is_harmless(sign: str) -> bool:
    """Letters, marks, digits, and a few signs; nothing that a path, a shell, a terminal or Windows reads as its own."""
    return sign in " .-_()[]+=,@~" or unicodedata.category(sign)[0] in "LMN"
