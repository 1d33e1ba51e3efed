"""Reads what a form sent: small, in time, of the one kind that our pages send."""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from runbook_engine.web.replies import RefusedError

MOST_BYTES = 64 * 1024
_MOST_FIELDS = 20
_SECONDS = 20.0
_KIND = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Mapping[str, str]:
    """Give the fields of a form, each as its first value.

    Raises:
        RefusedError: it is no form of ours, is too big, or does not come to its end.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise RefusedError(415, "what was sent is no form")
    body = bytearray()
    try:
        async with asyncio.timeout(_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BYTES:
                    raise RefusedError(413, "what was sent is too long", hint=f"{MOST_BYTES // 1024} KiB at most")
    except TimeoutError as error:
        raise RefusedError(408, "what was sent did not come to its end") from error
    except ClientDisconnect as error:
        raise RefusedError(400, "what was sent did not come to its end") from error
    try:
        pairs = parse_qsl(bytes(body).decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise RefusedError(400, "what was sent is no form") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value.replace("\r\n", "\n"))
    return fields
