"""A stateful fake of Jira Service Management's requests and comments. Held to the vendor's document, not the vendor."""

import base64
import itertools
import re
import threading

from support.vendor_documents import Answer

EMAIL, TOKEN = "recovery@example.com", "atlassian-api-token-0123"
BASIC = "Basic " + base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
DATE = {"epochMillis": 1764072000000, "iso8601": "2026-11-25T12:00:00+0000", "friendly": "Today", "jira": "2026-11-25"}
PATH = "/rest/servicedeskapi/request"


class FakeServiceDesk:
    """Keeps requests, and their comments.

    Attributes:
        lag: how many listings a new request does not show in.
        told: what customers were sent, as (request, text).
    """

    def __init__(self, lag=0):
        self.requests, self.comments = [], {}
        self.lag = lag
        self.told = []
        self._hidden = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def answer(self, seen):
        """Answer one request."""
        if seen.headers.get("authorization") != BASIC:
            return Answer(401, {"errorMessage": "Client must be authenticated to access this resource."})
        with self._lock:
            found = re.fullmatch(rf"{PATH}/([^/]+)/comment", seen.path)
            if found is not None:
                return self._comment(seen, found[1])
            return self._raise(seen) if seen.method == "POST" else self._list(seen)

    def add(self, desk="10", kind="25", **fields):
        """Put a request there, as a person would."""
        number = next(self._numbers)
        key = f"HELP-{number}"
        made = {
            "issueId": str(10_000 + number),
            "issueKey": key,
            "serviceDeskId": desk,
            "requestTypeId": kind,
            "createdDate": DATE,
            "requestFieldValues": [{"fieldId": name, "value": value} for name, value in fields.items()],
            "_links": {"web": f"https://example.atlassian.net/servicedesk/customer/portal/{desk}/{key}"},
        }
        self.requests.insert(0, made)
        self.comments[key] = []
        return made

    def _raise(self, seen):
        asked = seen.json
        fields = asked["requestFieldValues"]
        if not fields.get("summary"):
            return Answer(400, {"errorMessage": "Summary is required."})
        made = self.add(asked["serviceDeskId"], asked["requestTypeId"], **fields)
        self._hidden[made["issueKey"]] = self.lag
        self.told += [(made["issueKey"], who) for who in [asked.get("raiseOnBehalfOf")] if who]
        return Answer(201, made)

    def _list(self, seen):
        asked = seen.asked
        shown = []
        for item in self.requests:
            if self._hidden.get(item["issueKey"], 0) > 0:
                self._hidden[item["issueKey"]] -= 1
            elif (item["serviceDeskId"], item["requestTypeId"]) == (asked["serviceDeskId"], asked["requestTypeId"]):
                shown.append(item)
        return Answer(200, page(shown, asked))

    def _comment(self, seen, key):
        if key not in self.comments:
            return Answer(404, {"errorMessage": "The customer request does not exist."})
        if seen.method == "GET":
            return Answer(200, page(self.comments[key], seen.asked))
        made = {
            "id": str(next(self._numbers)),
            "body": seen.json["body"],
            "public": seen.json["public"],
            "created": DATE,
        }
        self.comments[key].append(made)
        if made["public"]:
            self.told.append((key, made["body"]))
        return Answer(201, made)


def page(items, asked, greatest=50):
    start, limit = int(asked.get("start", 0)), min(int(asked.get("limit", greatest)), greatest)
    found = items[start : start + limit]
    return {
        "start": start, "limit": limit, "size": len(found), "isLastPage": start + limit >= len(items), "values": found
    }  # fmt: skip
