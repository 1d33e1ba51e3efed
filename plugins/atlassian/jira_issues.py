"""Reads Jira's issues: which there are and when each was changed, and all of some, with every comment."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from runbook_engine.sdk import JsonObject, JsonValue

from .client import Client, segment
from .errors import NotThereError, RefusedError, TooLongError
from .pages import by_offset, by_token
from .shapes import mapping, objects, text

_SEARCH = "/rest/api/3/search/jql"
_LISTED = 1000  # issues of one page of a listing; Jira may give fewer
_GREATEST = 64 << 20  # bytes of one issue


def listed(client: Client, jql: str) -> Iterator[tuple[str, str]]:
    """Give id and time of change of every issue of a search, in the order in which they were made.

    That order does not change when an issue does, so that none is passed over while somebody works.
    """
    query: dict[str, str | int] = {
        "jql": f"({jql}) ORDER BY created ASC, key ASC",
        "fields": "updated",
        "maxResults": _LISTED,
    }
    for issue in by_token(client, _SEARCH, "issues", query):
        identity = text(issue, "id")
        if identity.isascii() and identity.isdigit():
            yield identity, text(issue, "fields", "updated")


def fetched(client: Client, ids: Sequence[str]) -> Iterator[JsonObject]:
    """Give all of the issues by their ids; those that are gone since are left out.

    A search for ids of which one is gone is refused as a whole, and a page may be too long: it is halved then.
    """
    if len(ids) == 1:
        alone = replace(client, max_bytes=_GREATEST)
        with suppress(NotThereError):  # it is gone, and so not among them
            yield mapping(alone.get(f"/rest/api/3/issue/{segment(ids[0])}", {"fields": "*all"}))
        return
    query: dict[str, str | int] = {"jql": f"id in ({','.join(ids)})", "fields": "*all", "maxResults": len(ids)}
    try:
        found = list(by_token(client, _SEARCH, "issues", query))
    except (RefusedError, TooLongError) as error:
        if isinstance(error, RefusedError) and error.status != 400:  # noqa: PLR2004 - a bad request
            raise
        half = len(ids) // 2
        yield from fetched(client, ids[:half])
        yield from fetched(client, ids[half:])
        return
    yield from found


def with_all_comments(client: Client, issue: JsonObject) -> JsonObject:
    """Give the issue with all of its comments; a search gives 20 at most."""
    inline = mapping(issue, "fields", "comment")
    total = inline.get("total")
    if not isinstance(total, int) or total <= len(objects(inline, "comments")):
        return issue
    path = f"/rest/api/3/issue/{segment(text(issue, 'id'))}/comment"
    comments: list[JsonValue] = [*by_offset(client, path, "comments", {"orderBy": "created"})]
    whole: JsonObject = {**inline, "comments": comments, "maxResults": len(comments), "total": len(comments)}
    return {**issue, "fields": {**mapping(issue, "fields"), "comment": whole}}


def approximate_count(client: Client, jql: str) -> int:
    """Give Jira's own estimate of how many issues a search finds. It reads, although it is a POST."""
    answer = client.send("POST", "/rest/api/3/search/approximate-count", {"jql": jql}, repeatable=True)
    count = mapping(answer).get("count")
    return count if isinstance(count, int) else 0
