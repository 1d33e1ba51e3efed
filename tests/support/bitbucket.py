"""A stateful fake of Bitbucket Cloud's REST interface beside real git over HTTP; its answers are held to the vendor's document."""

import base64
import json
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

from support.git_server import GitServer, serve_git
from support.vendor_documents import BITBUCKET, Answer, document_if_there
from support.vendor_server import VendorServer, serve_vendor

EMAIL, TOKEN, WORKSPACE = "backup@example.com", "ATATT3x-very-secret-token", "example"


@dataclass
class FakeBitbucket:
    """The repositories of workspaces; `git` is where git finds them, `size` how many a page holds."""

    git: GitServer
    url: str = ""
    size: int = 2
    repositories: dict = field(default_factory=dict)
    hidden: set = field(default_factory=set)

    def add(self, slug, workspace=WORKSPACE, **facts):
        """Make a repository, with one commit unless it is to be empty."""
        empty = facts.pop("empty", False)
        made = {
            "type": "repository",
            "uuid": "{" + str(uuid.uuid4()) + "}",
            "slug": slug,
            "full_name": f"{workspace}/{slug}",
            "name": slug.title(),
            "scm": "git",
            "is_private": True,
            "description": f"About {slug}",
            "project": {"type": "project", "key": "APP"},
            "links": {"clone": [{"name": "https", "href": f"https://evil.example/{workspace}/{slug}.git"}]},
            **facts,
        }
        self.repositories[workspace, slug] = made
        if (
            all(part not in {"", ".", ".."} and "/" not in part and part.isascii() for part in (slug,))
            and len(slug) < 100
        ):
            self.git.make(f"{workspace}/{slug}")
            if not empty:
                self.git.commit(f"{workspace}/{slug}", {"README": f"{slug}\n"})
        return made

    def rename(self, slug, new, workspace=WORKSPACE):
        one = self.repositories.pop((workspace, slug))
        self.repositories[workspace, new] = {**one, "slug": new, "full_name": f"{workspace}/{new}", "name": new}
        self.git.path(f"{workspace}/{slug}").rename(self.git.path(f"{workspace}/{new}"))

    def remove(self, slug, workspace=WORKSPACE):
        del self.repositories[workspace, slug]
        self.git.remove(f"{workspace}/{slug}")

    def answer(self, seen):
        login = "Basic " + base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
        if seen.headers.get("authorization") not in {login, f"Bearer {TOKEN}"}:
            return _error(401, "Token is invalid, expired, or not supported for this endpoint.")
        parts = [unquote(part) for part in seen.path.removeprefix("/2.0/repositories/").split("/")]
        if len(parts) == 1:
            return self._listing(parts[0], seen)
        return getattr(self, f"_{seen.method.lower()}")((parts[0], parts[1]), seen)

    def _listing(self, workspace, seen):
        found = [
            one for (owner, slug), one in self.repositories.items() if owner == workspace and slug not in self.hidden
        ]
        page = int(seen.asked.get("page", 1))
        answer = {"values": found[(page - 1) * self.size : page * self.size], "page": page, "pagelen": self.size}
        if page * self.size < len(found):
            answer["next"] = f"{self.url}/repositories/{workspace}?page={page + 1}&pagelen={self.size}"
        return Answer(200, answer)

    def _get(self, key, seen):
        one = self.repositories.get(key)
        return Answer(200, one) if one is not None else _error(404, f"Repository {'/'.join(key)} not found")

    def _post(self, key, seen):
        if key in self.repositories:
            return _error(400, "Repository with this Slug and Owner already exists.")
        asked = json.loads(seen.body)
        made = self.add(
            key[1],
            key[0],
            empty=True,
            **{**asked, "project": {"type": "project", **asked.get("project", {"key": "OLD"})}},
        )
        return Answer(200, made)


def _error(status, message):
    return Answer(status, {"type": "error", "error": {"message": message}})


@dataclass
class Bitbucket:
    """Both services, and the parameters that lead there."""

    rest: VendorServer
    git: GitServer
    fake: FakeBitbucket

    def params(self, **more):
        return {
            "workspace": WORKSPACE,
            "email": EMAIL,
            "token": TOKEN,
            "api": self.rest.url,
            "git": self.git.url,
            **more,
        }


@contextmanager
def serve_bitbucket(folder):
    """Serve a workspace without repositories; held to the vendor's document where that is at hand."""
    document = document_if_there(BITBUCKET)
    with serve_git(folder, user="x-bitbucket-api-token-auth", token=TOKEN) as git:
        fake = FakeBitbucket(git)
        with serve_vendor(fake, document, "/2.0") as rest:
            fake.url = rest.url
            yield Bitbucket(rest, git, fake)
