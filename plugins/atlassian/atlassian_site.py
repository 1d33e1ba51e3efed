"""What the actions on an Atlassian site share: which site it is, and how it is asked."""

from pydantic import Field

from runbook_engine.sdk import ActionContext, Params

from .client import MAX_BYTES, Client
from .login import Site


class OnSite(Params):
    """Which site."""

    site: Site = Field(
        description="the site",
        examples=[{"url": "https://example.atlassian.net", "token": "{{ secret('env:ATLASSIAN_TOKEN') }}"}],
    )

    def client(self, context: ActionContext, *, max_bytes: int = MAX_BYTES) -> Client:
        """Give the site's interface; `max_bytes` is the greatest length of an answer."""
        return Client(context, self.site.url, self.site.authorization(), max_bytes=max_bytes)
