"""notify.teams: a card in a Microsoft Teams channel or chat, by a webhook of Workflows."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.post import PostOutputs, PostParams, Request, addresses_of, post_all, preview
from runbook_engine.sdk import Action, ActionContext, Applied, Effect, Finding, HttpAnswer, JsonValue

_ACCEPTED = 202


class TeamsParams(PostParams):
    """What to say where."""

    title: str | None = Field(None, min_length=1, max_length=500, description="the card's first line")
    text: str = Field(min_length=1, max_length=20_000, description="the message")
    facts: dict[str, str] = Field({}, description="names and values below it", examples=[{"Run": "{{ run.id }}"}])
    links: dict[str, str] = Field(
        {}, max_length=6, description="buttons: words and address", examples=[{"Status": "https://status.example.com"}]
    )
    markdown: bool = Field(
        default=False, description="whether the text is Teams' Markdown; otherwise it is shown as it is"
    )


class NotifyTeams(Action[TeamsParams]):
    """Post a card to Microsoft Teams by a webhook of Workflows (the connectors of Office 365 are retired).

    In a drill it goes to the sandbox only, in a dry run it is shown and not sent.
    check: nobody can tell from outside whether it was posted; it shows the message.
    apply: one request for each webhook; waits when the service says so (429, Retry-After). A workflow that is asked
    twice posts twice: an attempt whose end is unknown is left to a person (as a message owed it is sent again, and
    said). That Teams accepted it (202) does not say that the workflow ended well.
    """

    name = "notify.teams"
    effect = Effect.ONCE
    reversible = False
    addressees = ("audience", "url")
    words = ("text", "facts")
    Params = TeamsParams
    Outputs = PostOutputs
    example: ClassVar[str] = """\
notify.teams:
  url: "{{ secret('env:TEAMS_WEBHOOK') }}"
  title: Failover has begun
  text: "We move to {{ standby_region }}."
  facts: {Run: "{{ run.id }}"}
"""

    def check(self, params: TeamsParams, context: ActionContext) -> Finding:
        """Show the message."""
        facts = [f"{name}: {value}" for name, value in params.facts.items()]
        shown = "\n".join([*([params.title] if params.title else []), params.text, *facts])
        return preview(context, "teams", addresses_of(context, "teams", params), shown)

    def apply(self, params: TeamsParams, context: ActionContext) -> Applied:
        """Post it."""
        card: dict[str, JsonValue] = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": _body(params),
        }
        if params.links:
            card["actions"] = [
                {"type": "Action.OpenUrl", "title": words, "url": url} for words, url in params.links.items()
            ]
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        body: JsonValue = {"type": "message", "attachments": [attachment]}
        addresses = addresses_of(context, "teams", params)
        return post_all(context, addresses, lambda _: Request(body, is_taken=_is_accepted), timeout=params.timeout)


def _is_accepted(answer: HttpAnswer) -> bool:
    """Whether it is the answer of Workflows to what it took; another good status is somebody else's."""
    return answer.status == _ACCEPTED


def _body(params: TeamsParams) -> list[JsonValue]:
    """Give the card's parts; runs of text know no markup, so that what a host said stays what it is."""
    parts: list[JsonValue] = []
    if params.title:
        parts.append(_runs({"text": params.title, "weight": "Bolder", "size": "Large"}))
    if params.markdown:
        parts.append({"type": "TextBlock", "text": params.text, "wrap": True})
    else:
        parts += [_runs({"text": line or " "}) for line in params.text.splitlines()]
    parts += [_runs({"text": f"{name}: ", "weight": "Bolder"}, {"text": value}) for name, value in params.facts.items()]
    return parts


def _runs(*runs: dict[str, JsonValue]) -> JsonValue:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}
