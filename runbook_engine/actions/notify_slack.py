"""notify.slack: a message in a Slack channel, by an incoming webhook."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.post import PostOutputs, PostParams, Request, addresses_of, post_all, preview
from runbook_engine.sdk import Action, ActionContext, Applied, Effect, Finding, HttpAnswer, JsonObject, JsonValue

_LONGEST = 40_000


class SlackParams(PostParams):
    """What to say in which channel."""

    text: str = Field(min_length=1, max_length=_LONGEST, description="the message; of blocks what notifications show")
    blocks: list[JsonObject] = Field([], max_length=50, description="Block Kit blocks, shown in place of the text")
    markdown: bool = Field(
        default=False,
        description="whether the text is Slack's markup; otherwise signs of it are shown as they are, so that what a "
        "host said calls nobody",
    )


class NotifySlack(Action[SlackParams]):
    """Post a message to a Slack channel by its incoming webhook.

    In a drill it goes to the sandbox only, in a dry run it is shown and not sent.
    check: nobody can tell from outside whether it was posted; it shows the message.
    apply: one request for each webhook; waits when Slack says so (429, Retry-After). Only Slack's own answer
    (`ok`) counts: anything else at that address did not take it. Slack shows a second request as a
    second message: an attempt whose end is unknown is left to a person (as a message owed it is sent again, and said).
    """

    name = "notify.slack"
    effect = Effect.ONCE
    reversible = False
    addressees = ("audience", "url")
    words = ("text", "blocks")
    Params = SlackParams
    Outputs = PostOutputs
    example: ClassVar[str] = """\
notify.slack:
  url: "{{ secret('env:SLACK_WEBHOOK') }}"
  text: "Failover to {{ standby_region }} has begun ({{ run.id }})"
"""

    def check(self, params: SlackParams, context: ActionContext) -> Finding:
        """Show the message."""
        return preview(context, "slack", addresses_of(context, "slack", params), params.text)

    def apply(self, params: SlackParams, context: ActionContext) -> Applied:
        """Post it."""
        body: dict[str, JsonValue] = {"text": params.text if params.markdown else _plain(params.text)}
        if params.blocks:
            body["blocks"] = [block if params.markdown else _inert(block) for block in params.blocks]
        addresses = addresses_of(context, "slack", params)
        return post_all(context, addresses, lambda _: Request(body, is_taken=_is_ok), timeout=params.timeout)


def _is_ok(answer: HttpAnswer) -> bool:
    """Whether it is Slack's answer to what it took."""
    return answer.body.strip() == b"ok"


def _plain(text: str) -> str:
    """Write the three signs that Slack's markup begins with as what they are."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _inert(value: JsonValue) -> JsonValue:
    """Write the markup in a block's texts as what it is."""
    if isinstance(value, Mapping):
        is_markup = value.get("type") == "mrkdwn"
        return {
            key: _plain(item) if is_markup and key == "text" and isinstance(item, str) else _inert(item)
            for key, item in value.items()
        }
    return [_inert(item) for item in value] if isinstance(value, list | tuple) else value
