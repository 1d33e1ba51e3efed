"""A stateful fake of Jira Cloud: search, issues, comments, attachments. Held to the vendor's document, not the vendor."""

import re
import threading

from support.fake_service_desk import BASIC
from support.vendor_documents import Answer

SEARCH = "/rest/api/3/search/jql"


class FakeJira:
    """Keeps issues of one project, whose JQL is `project = HELP`.

    Attributes:
        page: greatest number of issues of one page, whatever is asked for.
        unreadable: ids of attachments that are listed and not given.
        deaf: whether spans of attachments are not understood.
        downloads: ids of attachments in the order of asking.
    """

    def __init__(self, page=100):
        self.issues, self.comments, self.content = {}, {}, {}
        self.page = page
        self.unreadable, self.deaf = set(), False
        self.downloads = []
        self._time = 0
        self._lock = threading.Lock()

    def add(self, number, summary="broken", comments=0, attachments=()):
        """Put an issue there."""
        identity = str(10_000 + number)
        self.issues[identity] = {
            "id": identity,
            "key": f"HELP-{number}",
            "fields": {"summary": summary, "created": f"{number:06}", "attachment": []},
        }
        self.comments[identity] = []
        for text in range(comments):
            self.comment(identity, f"comment {text}")
        for name, content in attachments:
            self.attach(identity, name, content)
        return self.touch(identity)

    def touch(self, identity, **fields):
        """Change an issue."""
        self._time += 1
        time = f"2026-11-25T12:{self._time // 60_000:02}:{self._time // 1000 % 60:02}.{self._time % 1000:03}+0000"
        self.issues[identity]["fields"].update(fields, updated=time)
        return identity

    def comment(self, identity, text):
        """Comment on an issue."""
        made = {"id": f"{identity}{len(self.comments[identity]):04}", "body": {"type": "doc", "text": text}}
        self.comments[identity].append(made)
        self.touch(identity)

    def attach(self, identity, name, content):
        """Attach a file to an issue."""
        attachment = str(20_000 + len(self.content))
        self.content[attachment] = content
        made = {"id": attachment, "filename": name, "size": len(content)}
        self.issues[identity]["fields"]["attachment"].append(made)
        self.touch(identity)
        return attachment

    def remove(self, identity):
        """Delete an issue."""
        del self.issues[identity]

    def answer(self, seen):
        """Answer one request."""
        if seen.headers.get("authorization") != BASIC:
            return Answer(401, {"errorMessages": ["Client must be authenticated to access this resource."]})
        with self._lock:
            if seen.path == SEARCH:
                return self._search(seen.asked)
            if seen.path.endswith("/approximate-count"):
                return Answer(200, {"count": len(self.issues)})
            if found := re.fullmatch(r"/rest/api/3/attachment/content/(\d+)", seen.path):
                return self._download(found[1], seen)
            return self._issue(seen)

    def _issue(self, seen):
        found = re.fullmatch(r"/rest/api/3/issue/(\d+)(/comment)?", seen.path)
        if found is None or found[1] not in self.issues:
            return Answer(404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]})
        return self._comments(found[1], seen.asked) if found[2] else Answer(200, self._whole(found[1]))

    def _search(self, asked):
        jql = asked["jql"]
        if named := re.fullmatch(r"id in \(([\d,]+)\)", jql):
            ids = named[1].split(",")
            unknown = [identity for identity in ids if identity not in self.issues]
            if unknown:
                words = [f"A value with ID '{identity}' does not exist for the field 'id'." for identity in unknown]
                return Answer(400, {"errorMessages": words})
        elif jql == "(project = HELP) ORDER BY created ASC, key ASC":
            ids = sorted(self.issues, key=lambda identity: self.issues[identity]["fields"]["created"])
        else:
            return Answer(400, {"errorMessages": [f"Error in the JQL Query: {jql}"]})
        begin = int(asked.get("nextPageToken", "0"))
        size = min(int(asked["maxResults"]), self.page)
        page, last = ids[begin : begin + size], begin + size >= len(ids)
        give = self._whole if asked.get("fields") == "*all" else self._brief
        found = {"issues": [give(identity) for identity in page], "isLast": last}
        return Answer(200, found if last else {**found, "nextPageToken": str(begin + size)})

    def _brief(self, identity):
        return {"id": identity, "key": self.issues[identity]["key"], "fields": {"updated": self._updated(identity)}}

    def _updated(self, identity):
        return self.issues[identity]["fields"]["updated"]

    def _whole(self, identity):
        issue, comments = self.issues[identity], self.comments[identity]
        inline = {"comments": comments[:20], "maxResults": 20, "startAt": 0, "total": len(comments)}
        return {**issue, "fields": {**issue["fields"], "comment": inline}}

    def _comments(self, identity, asked):
        start, size = int(asked["startAt"]), min(int(asked["maxResults"]), 50)
        comments = self.comments[identity]
        page = {"startAt": start, "maxResults": size, "total": len(comments)}
        return Answer(200, {**page, "comments": comments[start : start + size]})

    def _download(self, attachment, seen):
        self.downloads.append(attachment)
        if attachment not in self.content or attachment in self.unreadable:
            return Answer(404, {"errorMessages": ["The attachment is not there."]})
        assert seen.asked["redirect"] == "false"
        content = self.content[attachment]
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", seen.headers.get("range", ""))
        if span is None or self.deaf:
            return Answer(200, content=content, content_type="application/octet-stream")
        part = content[int(span[1]) : int(span[2]) + 1]
        return Answer(206, content=part, content_type="application/octet-stream")
