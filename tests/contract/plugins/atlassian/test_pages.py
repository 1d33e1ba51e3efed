"""Listings, page by page, however the service counts: every item once, and an end even when the service has none."""

import pytest
from pydantic import SecretStr
from support.plugins import plugin
from support.vendor_documents import Answer
from support.vendor_server import busy, serve_vendor

MODULES = plugin("atlassian")
PAGES, ERRORS = MODULES["pages"], MODULES["errors"]
ITEMS = [{"id": number} for number in range(25)]


class Listings:
    """Lists 25 items in each of the five ways; pages hold ten, whatever is asked for."""

    size = 10

    def __init__(self):
        self.url = ""
        self.trap = ""

    def answer(self, seen):
        return Answer(200, getattr(self, seen.path.strip("/").replace("-", "_"))(seen.asked))

    def link(self, asked):
        page = int(asked.get("page", 0))
        found = {"values": ITEMS[page * 10 : page * 10 + 10]}
        following = f"{self.url}/link?page={page + 1}" if page < 2 else None
        if self.trap == "circle":
            following = f"{self.url}/link?page={(page + 1) % 3}"
        if self.trap == "away":
            following = "http://127.0.0.1:9/link?page=1"
        return {**found, **({"next": following} if following else {})}

    def token(self, asked):
        begin = int(asked.get("nextPageToken", "t0")[1:])
        page = {"issues": ITEMS[begin : begin + 10], "isLast": begin + 10 >= 25}
        following = "t5" if self.trap == "same" else f"t{begin + 10}"
        return page if page["isLast"] else {**page, "nextPageToken": following}

    def offset(self, asked):
        begin = int(asked["startAt"])
        total = {} if self.trap == "no total" else {"total": 25}
        return {"startAt": begin, "maxResults": 10, **total, "comments": ITEMS[begin : begin + 10]}

    def start(self, asked):
        begin = int(asked["start"])
        return {"values": ITEMS[begin : begin + 10], "isLastPage": self.trap != "endless" and begin + 10 >= 25}

    def number(self, asked):
        begin, size = (int(asked["page"]) - 1) * int(asked["limit"]), int(asked["limit"])
        return ITEMS[begin : begin + size]

    def wrong(self, asked):
        return {"values": "none", "comments": [1], "issues": None}


@pytest.fixture
def listings():
    with serve_vendor(Listings()) as server:
        server.fake.url = server.url
        yield server


@pytest.fixture
def client(listings, web):
    return MODULES["client"].Client(web(), listings.url, MODULES["login"].bearer(SecretStr("t")))


WAYS = {
    "link": PAGES.by_link,
    "token": lambda client, path: PAGES.by_token(client, path, "issues", {"jql": "project = A"}),
    "offset": lambda client, path: PAGES.by_offset(client, path, "comments"),
    "start": PAGES.by_start,
    "number": lambda client, path: PAGES.by_number(client, path, size=10),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_item_comes_once(listings, client, way):
    assert list(WAYS[way](client, f"/{way}")) == ITEMS
    assert len(listings.seen) == 3


@pytest.mark.parametrize("way", WAYS)
def test_trouble_in_the_middle_loses_nothing(listings, client, way):
    found = WAYS[way](client, f"/{way}")
    first = [next(found)]
    listings.fault(busy(retry_after=3), busy(503), busy(500))
    assert first + list(found) == ITEMS


@pytest.mark.parametrize(("way", "trap"), [("offset", "no total"), ("start", "endless")])
def test_listing_without_an_end_ends_where_nothing_comes(listings, client, way, trap):
    listings.fake.trap = trap
    assert list(WAYS[way](client, f"/{way}")) == ITEMS


@pytest.mark.parametrize(("way", "trap"), [("link", "circle"), ("token", "same")])
def test_listing_that_goes_in_a_circle_is_told(listings, client, way, trap):
    listings.fake.trap = trap
    with pytest.raises(ERRORS.UnreadableAnswerError):
        list(WAYS[way](client, f"/{way}"))


def test_next_page_of_another_server_is_not_asked_for(listings, client):
    listings.fake.trap = "away"
    with pytest.raises(ERRORS.UnreadableAnswerError, match="the token is not sent there"):
        list(WAYS["link"](client, "/link"))


@pytest.mark.parametrize("way", WAYS)
def test_answer_of_another_shape_is_told(listings, client, way):
    with pytest.raises(ERRORS.UnreadableAnswerError, match="/wrong: the answer"):
        list(WAYS[way](client, "/wrong"))
