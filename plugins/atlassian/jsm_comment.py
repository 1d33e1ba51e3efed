"""jsm.comment: says something on a request of a service desk, once."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Finding,
    JsonObject,
    JsonValue,
    Mode,
    Outputs,
    Params,
    satisfied,
    unsatisfied,
)

from .client import Client, segment
from .login import Site
from .marks import holds, mark_of, marked
from .once import asked_once
from .pages import by_start
from .shapes import text

_REQUEST_KEY = r"^[A-Za-z][A-Za-z0-9_]*-\d+$|^\d+$"


class CommentParams(Params):
    """What to say, on which request, to whom."""

    site: Site = Field(
        description="the site",
        examples=[{"url": "https://example.atlassian.net", "token": "{{ secret('env:ATLASSIAN_TOKEN') }}"}],
    )
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
        found = _find(_client(params, context), request, mark)
        if found is not None:
            return satisfied(f"{request} says it already", outputs=_outputs(request, found))
        kind = "public" if params.public else "internal"
        change = Change(what=f"{kind} comment on {request}", after=marked(_words(params, context), mark))
        return unsatisfied(f"{request} does not say it yet", changes=(change,))

    def apply(self, params: CommentParams, context: ActionContext) -> Applied:
        """Say it, unless it is said."""
        request, mark = _request(params, context), mark_of(context.run, params.key)
        client = _client(params, context)
        found = _find(client, request, mark)
        if found is not None:
            return Applied(summary=f"{request} said it before", outputs=_outputs(request, found), changed=False)
        body: JsonObject = {"body": marked(_words(params, context), mark), "public": params.public}
        made = asked_once(
            context, lambda: client.send("POST", _path(request), body), lambda: _find(client, request, mark)
        )
        return Applied(summary=f"commented on {request}", outputs=_outputs(request, made))


def _client(params: CommentParams, context: ActionContext) -> Client:
    return Client(context, params.site.url, params.site.authorization())


def _request(params: CommentParams, context: ActionContext) -> str:
    """Give the request to comment on.

    Raises:
        ActionFailedError: it is a drill and there is no sandbox.
    """
    if context.run.mode is not Mode.DRILL:
        return params.request
    if params.sandbox_request is None:
        raise ActionFailedError(
            "it is a drill and there is no sandbox request", hint="give sandbox_request: a request for drills"
        )
    return params.sandbox_request


def _words(params: CommentParams, context: ActionContext) -> str:
    return f"DRILL, not real: {params.body}" if context.run.mode is Mode.DRILL else params.body


def _path(request: str) -> str:
    return f"/rest/servicedeskapi/request/{segment(request)}/comment"


def _find(client: Client, request: str, mark: str) -> JsonObject | None:
    for item in by_start(client, _path(request), size=100):
        if holds(text(item, "body"), mark):
            return item
    return None


def _outputs(request: str, answer: JsonValue) -> JsonObject:
    return {"request": request, "comment": text(answer, "id")}
