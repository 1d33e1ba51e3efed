"""Goes through listings: one item after the other, a page at a time, however the service counts its pages."""

from collections.abc import Iterator, Mapping
from typing import cast

from runbook_engine.sdk import JsonObject, JsonValue

from .client import Client, Query
from .errors import UnreadableAnswerError


def by_link(client: Client, path: str, query: Query | None = None) -> Iterator[JsonObject]:
    """Give the items of a Bitbucket listing: `values`, and `next` as a whole address."""
    page = _object(client.get(path, query), path)
    seen: set[str] = set()
    while True:
        yield from _items(page, "values", path)
        link = page.get("next")
        if link is None:
            return
        if not isinstance(link, str) or link in seen:
            raise UnreadableAnswerError(f"{path}: the listing leads back to a page that was read before")
        seen.add(link)
        page = _object(client.follow(link), path)


def by_token(client: Client, path: str, items: str, query: Mapping[str, str | int]) -> Iterator[JsonObject]:
    """Give the items of Jira's enhanced search: `nextPageToken` until `isLast` or none is given."""
    token: str | None = None
    while True:
        page = _object(client.get(path, {**query, "nextPageToken": token}), path)
        yield from _items(page, items, path)
        following = page.get("nextPageToken")
        if page.get("isLast") is True or following is None:
            return
        if not isinstance(following, str) or following == token:
            raise UnreadableAnswerError(f"{path}: the listing does not go on")
        token = following


def by_offset(
    client: Client, path: str, items: str, query: Query | None = None, *, size: int = 100, begin: int = 0
) -> Iterator[JsonObject]:
    """Give the items of a Jira listing that counts: `startAt`, `maxResults`, `total`.

    The service may give fewer than asked for: it goes on behind what really came.
    """
    start = begin
    while True:
        page = _object(client.get(path, {**(query or {}), "startAt": start, "maxResults": size}), path)
        found = _items(page, items, path)
        yield from found
        start += len(found)
        total = page.get("total")
        if not found or (isinstance(total, int) and start >= total):
            return


def by_start(client: Client, path: str, query: Query | None = None, *, size: int = 50) -> Iterator[JsonObject]:
    """Give the items of a Service Management listing: `start`, `limit`, until `isLastPage`."""
    start = 0
    while True:
        page = _object(client.get(path, {**(query or {}), "start": start, "limit": size}), path)
        found = _items(page, "values", path)
        yield from found
        start += len(found)
        if page.get("isLastPage") is not False or not found:
            return


def by_number(
    client: Client, path: str, query: Query | None = None, *, size: int = 100, size_name: str = "limit"
) -> Iterator[JsonObject]:
    """Give the items of a Statuspage listing: plain lists by `page` and `limit` (or `per_page`), the last not full."""
    number = 1
    while True:
        page = client.get(path, {**(query or {}), size_name: size, "page": number})
        if not isinstance(page, list) or not all(isinstance(item, Mapping) for item in page):
            raise UnreadableAnswerError(f"{path}: the answer is no list")
        yield from (cast("JsonObject", item) for item in page)
        if len(page) < size:
            return
        number += 1


def _object(value: JsonValue, path: str) -> JsonObject:
    if not isinstance(value, Mapping):
        raise UnreadableAnswerError(f"{path}: the answer is no object")
    return value


def _items(page: JsonObject, key: str, path: str) -> list[JsonObject]:
    found = page.get(key)
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        raise UnreadableAnswerError(f"{path}: the answer has no list of {key}")
    return cast("list[JsonObject]", found)
