"""Bitbucket Cloud: who logs in where, which repositories a workspace has, and what they hold."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from runbook_engine.sdk import ActionContext, ActionFailedError, JsonObject, Params

from .client import Client, Query, segment
from .errors import NotThereError
from .git_advertisement import Advertisement, read_advertisement
from .git_mirror import KEPT
from .login import basic, bearer, trusted_address
from .pages import by_link

_SLUG = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}")
_UUID = re.compile(r"\{?([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})\}?")
_KEYS = (
    "uuid",
    "slug",
    "full_name",
    "name",
    "description",
    "is_private",
    "scm",
    "project.key",
    "has_wiki",
    "has_issues",
)
_FIELDS = ",".join(("next", *(f"values.{key}" for key in _KEYS)))
_ADVERTISED_AT_MOST = 64 << 20  # bytes: about a million references
_LOOK_SECONDS = 120.0


class Workspace(Params):
    """A workspace of Bitbucket Cloud, and who logs in there."""

    workspace: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,100}$", description="the workspace's slug, as in its address", examples=["example"]
    )
    email: str | None = Field(
        None,
        description="whose API token it is; without it the token is an access token of the workspace or project",
        examples=["backup@example.com"],
    )
    token: SecretStr = Field(
        description="the token: it needs to read repositories, to restore also to write (and to create) them",
        examples=["{{ secret('env:BITBUCKET_TOKEN') }}"],
    )
    api: str = Field("https://api.bitbucket.org/2.0", description="address of the REST interface")
    git: str = Field("https://bitbucket.org", description="address below which git finds the repositories")

    @field_validator("api", "git")
    @classmethod
    def _is_trusted(cls, value: str) -> str:
        return trusted_address(value)

    @property
    def git_user(self) -> str:
        """Whom git logs in as, by the kind of token."""
        return "x-bitbucket-api-token-auth" if self.email is not None else "x-token-auth"

    def rest(self, context: ActionContext) -> Client:
        """Give the REST interface."""
        authorization = basic(self.email, self.token) if self.email is not None else bearer(self.token)
        return Client(context, self.api, authorization)

    def git_url(self, slug: str) -> str:
        """Give a repository's address for git. Built from our own parameters: the service's links are not followed."""
        return f"{self.git}/{self.workspace}/{segment(slug)}.git"

    def references(self, context: ActionContext, slug: str) -> Advertisement:
        """Ask for a repository's references, as git does before it fetches: a read by HTTP.

        Raises:
            ActionFailedError: the repository can't be read.
            ServiceUnreachableError: no answer.
        """
        client = Client(
            context,
            self.git,
            basic(self.git_user, self.token),
            timeout=_LOOK_SECONDS,
            max_bytes=_ADVERTISED_AT_MOST,
        )
        path = f"/{self.workspace}/{segment(slug)}.git/info/refs"
        content = client.fetch(path, {"service": "git-upload-pack"})
        try:
            found = read_advertisement(content)
        except ValueError as error:
            raise ActionFailedError(
                f"{self.git_url(slug)}: {error}", hint="is the address that of the git service itself?"
            ) from None
        # Names that a mirror uses for itself are no part of a backup, wherever they came from.
        own = {name: oid for name, oid in found.refs.items() if not name.startswith(KEPT)}
        return Advertisement(own, found.head)


@dataclass(frozen=True, slots=True)
class RemoteRepository:
    """A repository as the service lists it.

    Attributes:
        identity: its UUID as 32 hexadecimal digits; it stays when the repository is renamed.
        facts: what a new one is to be created with.
        problem: why it can't be backed up under that name or UUID; empty when it can.
    """

    identity: str
    slug: str
    facts: JsonObject
    problem: str = ""


def repositories(workspace: Workspace, context: ActionContext) -> list[RemoteRepository]:
    """List the repositories of the workspace, each UUID once.

    Raises:
        ActionFailedError: the service refused.
        ServiceUnreachableError: the listing could not be read to its end.
    """
    query: Query = {"pagelen": 100, "sort": "created_on", "fields": _FIELDS}
    path = f"/repositories/{segment(workspace.workspace)}"
    found: dict[str, RemoteRepository] = {}
    for number, item in enumerate(by_link(workspace.rest(context), path, query)):
        one = _remote(item, number)
        known = found.get(one.identity)
        if known is None:
            found[one.identity] = one
        elif known.slug != one.slug and not one.problem:
            key = f"{one.identity}-{number}"
            found[key] = RemoteRepository(key, one.slug, {}, f"its UUID is that of {known.slug}")
    return list(found.values())


def repository(workspace: Workspace, context: ActionContext, slug: str) -> JsonObject | None:
    """Give what the service says of one repository, None when it is not there."""
    path = f"/repositories/{segment(workspace.workspace)}/{segment(slug)}"
    try:
        answer = workspace.rest(context).get(path)
    except NotThereError:
        return None
    if not isinstance(answer, Mapping):
        raise ActionFailedError(f"{path}: the answer is no repository")
    return answer


def is_slug(text: str) -> bool:
    """Tell whether a text can be a repository's slug, and so a part of an address and a file's name."""
    return _SLUG.fullmatch(text) is not None and text not in {".", ".."}


def _remote(item: JsonObject, number: int) -> RemoteRepository:
    slug = _text(item.get("slug")) or _text(item.get("full_name")).partition("/")[2]
    uuid = _UUID.fullmatch(_text(item.get("uuid")))
    identity = "".join(uuid.groups()).lower() if uuid else f"unknown-{number}"
    return RemoteRepository(identity, slug, dict(_facts(item)), _problem(slug, item, known=uuid is not None))


def _problem(slug: str, item: JsonObject, *, known: bool) -> str:
    if not is_slug(slug):
        return f"its name {ascii(slug)[:80]} can't be that of a repository"
    if not known:
        return "the service gave no UUID for it"
    return "" if item.get("scm", "git") == "git" else "it is no git repository"


def _facts(item: JsonObject) -> Iterator[tuple[str, str | bool]]:
    """Give what is worth keeping of a repository besides what git has."""
    for key in ("name", "description"):
        if text := _text(item.get(key)):
            yield key, text[:10_000]
    kinds: tuple[Literal["is_private", "has_wiki", "has_issues"], ...] = ("is_private", "has_wiki", "has_issues")
    for kind in kinds:
        value = item.get(kind)
        if isinstance(value, bool):
            yield kind, value
    project = item.get("project")
    if isinstance(project, Mapping) and (key := _text(project.get("key"))):
        yield "project", key[:100]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
