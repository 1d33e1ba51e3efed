"""A stateful fake of Statuspage's manage API: pages, components, incidents. Held to the vendor's document, not the vendor."""

import itertools
import re
import threading

from support.vendor_documents import Answer

KEY = "statuspage-api-key-0123"
AT = "2026-11-25T12:00:00Z"
REFUSED = Answer(401, {"error": "Could not authenticate"})
NONE = Answer(404, {"error": "Not found"})


class FakeStatuspage:
    """Keeps incidents and components by page.

    Attributes:
        told: what subscribers were sent, as (page, status, text).
        replaces: whether an update's metadata takes the place of what was there; nobody says which one it is.
    """

    def __init__(self, pages=("page1", "sandbox1"), replaces=True):
        self.pages = {page: [] for page in pages}
        self.components = {page: [component(f"{page}c1", "API"), component(f"{page}c2", "Web")] for page in pages}
        self.told = []
        self.replaces = replaces
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def answer(self, seen):
        """Answer one request."""
        if seen.headers.get("authorization") != f"OAuth {KEY}":
            return REFUSED
        found = re.fullmatch(r"/v1/pages/([^/]+)/(incidents|components)(/[^/]+)?", seen.path)
        if found is None or found[1] not in self.pages:
            return NONE
        page, kind, name = found[1], found[2], (found[3] or "").strip("/")
        with self._lock:
            return (self._incidents if kind == "incidents" else self._components)(seen, page, name)

    def add(self, page, **more):
        """Put an incident there, as a person would by hand."""
        incident = {"id": f"inc{next(self._numbers)}", "page_id": page, "metadata": {}, "incident_updates": [], **more}
        self.pages[page].insert(0, incident)
        return incident

    def _incidents(self, seen, page, name):
        if seen.method == "GET":
            open_only = [item for item in self.pages[page] if item.get("status") != "resolved"]
            found = open_only if name == "unresolved" else self.pages[page]
            return Answer(200, paged(found, seen, "per_page" if name else "limit"))
        asked = seen.json["incident"]
        if len(asked.get("body", "")) > 25_000 or len(asked.get("name", "")) > 255:
            return Answer(422, {"error": "is too long"})
        if not all(isinstance(value, dict) for value in asked.get("metadata", {}).values()):
            return Answer(422, {"error": "All top-level values in the object must also be objects."})
        if seen.method == "POST":
            incident = self.add(page, name=asked["name"], created_at=AT, shortlink=f"https://stspg.io/{page}")
            self._update(page, incident, asked)
            return Answer(201, incident)
        incident = next((item for item in self.pages[page] if item["id"] == name), None)
        if incident is None:
            return NONE
        self._update(page, incident, asked)
        return Answer(200, incident)

    def _update(self, page, incident, asked):
        metadata = asked.get("metadata", {})
        before = {} if self.replaces else incident["metadata"]
        incident.update(status=asked["status"], metadata={**before, **metadata}, updated_at=AT)
        update = {"id": f"upd{next(self._numbers)}", "status": asked["status"], "body": asked["body"], "created_at": AT}
        incident["incident_updates"].insert(0, update)
        for item in self.components[page]:
            item["status"] = asked.get("components", {}).get(item["id"], item["status"])
        if asked.get("deliver_notifications", True):
            self.told.append((page, asked["status"], asked["body"]))

    def _components(self, seen, page, name):
        if seen.method == "GET":
            return Answer(200, paged(self.components[page], seen, "per_page"))
        found = next((item for item in self.components[page] if item["id"] == name), None)
        if found is None:
            return NONE
        found.update(seen.json["component"])
        return Answer(200, found)


def component(key, name, status="operational"):
    return {"id": key, "name": name, "status": status, "group": False, "position": 1}


def paged(items, seen, size_name):
    size, page = int(seen.asked.get(size_name, 100)), int(seen.asked.get("page", 1))
    return items[(page - 1) * size : page * size]
