"""What the Statuspage actions share: whose page it is, how it is asked, and its components."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from runbook_engine.sdk import ActionContext, ActionFailedError, Duration, Mode, Params

from .client import Client, segment
from .login import oauth, trusted_address
from .pace import Pace
from .pages import by_number
from .shapes import text

ComponentStatus = Literal["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"]


class Statuspage(Params):
    """A page of Statuspage, and the API key of whoever manages it."""

    page: str = Field(min_length=1, description="the page's id", examples=["gytm4qzbx9t6"])
    token: SecretStr = Field(description="the API key", examples=["{{ secret('env:STATUSPAGE_TOKEN') }}"])
    sandbox_page: str | None = Field(None, min_length=1, description="id of the page that drills go to")
    url: str = Field("https://api.statuspage.io/v1", description="the service's address")
    pace: Duration = Field(
        timedelta(seconds=1), description="time between two requests of the token, by the service's terms"
    )

    @field_validator("url")
    @classmethod
    def _url_is_trusted(cls, value: str) -> str:
        return trusted_address(value)

    def page_for(self, mode: Mode) -> str:
        """Give the id of the page to speak on: in a drill the sandbox's, where there is one."""
        return self.sandbox_page if mode is Mode.DRILL and self.sandbox_page is not None else self.page


class OnPage(Params):
    """Which page."""

    statuspage: Statuspage = Field(
        description="the page", examples=[{"page": "gytm4qzbx9t6", "token": "{{ secret('env:STATUSPAGE_TOKEN') }}"}]
    )

    def client(self, context: ActionContext) -> Client:
        """Give a client that keeps to the service's rate."""
        service, token = self.statuspage, self.statuspage.token.get_secret_value()
        key = f"{service.url} {hashlib.sha256(token.encode()).hexdigest()}"
        return Client(context, service.url, oauth(service.token), Pace(key, service.pace.total_seconds()))


def component_ids(client: Client, page: str, wanted: Mapping[str, ComponentStatus]) -> dict[str, ComponentStatus]:
    """Give the statuses by the components' ids, where they are named by id or by name.

    Raises:
        ActionFailedError: the page has none of that name, or several.
    """
    if not wanted:
        return {}
    known = statuses(client, page)
    return {_id_of(name, known): status for name, status in wanted.items()}


def one_component(client: Client, page: str, name: str) -> tuple[str, str]:
    """Give a component's id and its status now, by its id or name."""
    known = statuses(client, page)
    found = _id_of(name, known)
    return found, known[found][1]


def statuses(client: Client, page: str) -> dict[str, tuple[str, str]]:
    """Give name and status of each component of a page, by id."""
    path = f"/pages/{segment(page)}/components"
    found = by_number(client, path, size_name="per_page")
    return {text(item, "id"): (text(item, "name"), text(item, "status")) for item in found}


def _id_of(name: str, known: Mapping[str, tuple[str, str]]) -> str:
    if name in known:
        return name
    found = [key for key, (title, _) in known.items() if title == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise ActionFailedError(f"the page has {len(found)} components named {name!r}", hint="name it by its id")
    names = ", ".join(sorted(title for title, _ in known.values())[:20]) or "none"
    raise ActionFailedError(f"the page has no component {name!r}", hint=f"it has: {names}")
