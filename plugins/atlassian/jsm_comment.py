"""jsm.comment: says something on a request of a service desk, once."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.sdk import (
    Action,
    ActionContext,
    Applied,
    Change,
    Finding,
    JsonObject,
    JsonValue,
    Outputs,
    satisfied,
    unsatisfied,
)

from .atlassian_site import OnSite
from .client import Client, segment
from .drills import place_for, words_for
from .marks import holds, mark_of, marked
from .once import found_or_asked
from .pages import by_start
from .shapes import text

_REQUEST_KEY = r"^[A-Za-z][A-Za-z0-9_]*-\d+$|^\d+$"


class CommentParams(OnSite):
    """What to say, on which request, to whom."""

    request: str = Field(pattern=_REQUEST_KEY, description="key of the request", examples=["HELP-12"])
    body: str = Field(min_length=1, max_length=30_000, description="the text; the step's reference is put below it")
    public: bool = Field(default=True, description="whether customers see it; otherwise the desk's people alone")
    key: str | None = Field(
        None, min_length=1, max_length=200, description="what makes it the same comment for several runs; run and step"
    )
    sandbox_request: str | None = Field(None, pattern=_REQUEST_KEY, description="the request that drills comment on")


class CommentOutputs(Outputs):
    """Which comment it is."""

    request: str = Field("", description="key of the request")
    comment: str = Field("", description="id of the comment")


class JsmComment(Action[CommentParams]):
    """Comment on a request of Jira Service Management, publicly or for the desk's people alone.

    It ends with a reference, by which it is found again; so it is said once, whatever became of the answer. In a drill
    it goes to the sandbox request, and without one nowhere. In a dry run it is shown.
    check: looks for the reference among the request's comments.
    apply: comments.
    """

    name = "jsm.comment"
    words = ("body",)
    reversible = False
    Params = CommentParams
    Outputs = CommentOutputs
    example: ClassVar[str] = """\
jsm.comment:
  site:
    url: https://example.atlassian.net
    email: recovery@example.com
    token: "{{ secret('env:ATLASSIAN_TOKEN') }}"
  request: HELP-12
  body: The service is back.
"""

    def check(self, params: CommentParams, context: ActionContext) -> Finding:
        """Look for it."""
        request, mark = _request(params, context), mark_of(context.run, params.key)
        found = _find(params.client(context), request, mark)
        if found is not None:
            return satisfied(f"{request} says it already", outputs=_outputs(request, found))
        kind = "public" if params.public else "internal"
        change = Change(what=f"{kind} comment on {request}", after=marked(words_for(context, params.body), mark))
        return unsatisfied(f"{request} does not say it yet", changes=(change,))

    def apply(self, params: CommentParams, context: ActionContext) -> Applied:
        """Say it, unless it is said."""
        request, mark = _request(params, context), mark_of(context.run, params.key)
        client = params.client(context)
        body: JsonObject = {"body": marked(words_for(context, params.body), mark), "public": params.public}
        made, is_new = found_or_asked(
            context, lambda: _find(client, request, mark), lambda: client.send("POST", _path(request), body)
        )
        summary = f"commented on {request}" if is_new else f"{request} said it before"
        return Applied(summary=summary, outputs=_outputs(request, made), changed=is_new)


def _request(params: CommentParams, context: ActionContext) -> str:
    """Give the request to comment on."""
    return place_for(
        context,
        params.request,
        params.sandbox_request,
        lacks="sandbox request",
        hint="give sandbox_request: a request for drills",
    )


def _path(request: str) -> str:
    return f"/rest/servicedeskapi/request/{segment(request)}/comment"


def _find(client: Client, request: str, mark: str) -> JsonObject | None:
    for item in by_start(client, _path(request), size=100):
        if holds(text(item, "body"), mark):
            return item
    return None


def _outputs(request: str, answer: JsonValue) -> JsonObject:
    return {"request": request, "comment": text(answer, "id")}
