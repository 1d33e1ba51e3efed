"""Brings the attachments of Jira's issues into a store, each whole, or in parts where it is long."""

from collections.abc import Iterator
from dataclasses import replace

from runbook_engine.sdk import JsonObject

from .client import Client, segment
from .errors import RefusedError, UnreadableAnswerError
from .export_store import Store, Stored
from .safe_names import safe_name
from .shapes import text

_SECONDS = 600.0  # for one piece


class AttachmentError(Exception):
    """Jira does not give an attachment that it lists; the message says why."""


def bring(client: Client, store: Store, attachment: JsonObject, part_bytes: int) -> list[Stored]:
    """Bring an attachment; gives its files, several where it is longer than a part.

    It is asked for without the redirect to another server, so that the token goes nowhere else.

    Raises:
        AttachmentError: Jira does not give it.
    """
    identity, size = text(attachment, "id"), attachment.get("size")
    if not (identity.isascii() and identity.isdigit()) or not isinstance(size, int) or size < 0:
        raise AttachmentError("it has no usable id or size")
    whole = replace(client, max_bytes=part_bytes, timeout=_SECONDS)
    path = f"/rest/api/3/attachment/content/{segment(identity)}"
    name = f"attachments/{int(identity) // 1000}/{identity}/{safe_name(text(attachment, 'filename'))}"
    try:
        if size <= part_bytes:
            content = whole.fetch(path, {"redirect": "false"})
            if len(content) != size:
                raise AttachmentError(f"it has {len(content)} bytes, and Jira says {size}")
            return [store.write(name, content)]
        return [
            store.write(f"{name}.part-{number:04}", whole.fetch(path, query, span=span))
            for number, (query, span) in enumerate(_parts(size, part_bytes), 1)
        ]
    except (RefusedError, UnreadableAnswerError) as error:
        if isinstance(error, RefusedError) and error.status in {401, 420, 429}:
            raise
        raise AttachmentError(error.message) from error


def _parts(size: int, part_bytes: int) -> Iterator[tuple[dict[str, str], tuple[int, int]]]:
    for begin in range(0, size, part_bytes):
        yield {"redirect": "false"}, (begin, min(part_bytes, size - begin))
