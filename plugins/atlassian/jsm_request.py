"""jsm.request: raises a request in a service desk, once."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from runbook_engine.sdk import (
    Action,
    ActionContext,
    Applied,
    Change,
    Duration,
    Finding,
    JsonObject,
    JsonValue,
    Outputs,
    Params,
    satisfied,
    unknown,
    unsatisfied,
)

from .atlassian_site import OnSite
from .client import Client
from .drills import in_drill, place_for, words_for
from .marks import holds, mark_of, marked
from .once import found_or_asked
from .pages import by_start
from .shapes import objects, text

_PATH = "/rest/servicedeskapi/request"
_SUMMARY_LIMIT = 255
_LOOKED_THROUGH = 2000  # requests of one kind


class Desk(Params):
    """A service desk and a kind of request in it."""

    service_desk: str = Field(pattern=r"^\d+$", description="id of the service desk", examples=["10"])
    request_type: str = Field(pattern=r"^\d+$", description="id of the request type", examples=["25"])


class RequestParams(OnSite, Desk):
    """What to raise, where, for whom."""

    summary: str = Field(
        min_length=1, max_length=_SUMMARY_LIMIT, pattern=r"^[^\r\n]*$", description="the summary, one line"
    )
    description: str = Field("", max_length=30_000, description="the text; the step's reference is put below it")
    fields: dict[str, JsonValue] = Field(
        {}, description="more fields, by their Jira ids", examples=[{"priority": {"name": "High"}}]
    )
    on_behalf_of: str | None = Field(None, description="account id of whoever it is raised for; left out in a drill")
    participants: list[str] = Field([], description="account ids of who takes part; left out in a drill")
    mark_field: str = Field("description", description="id of the text field that takes text and reference")
    key: str | None = Field(
        None, min_length=1, max_length=200, description="what makes it the same request for several runs; run and step"
    )
    sandbox: Desk | None = Field(
        None, description="where a drill raises it", examples=[{"service_desk": "11", "request_type": "30"}]
    )
    settle: Duration = Field(
        timedelta(seconds=5), description="how long a new request may take to show in lists; waited for before raising"
    )


class RequestOutputs(Outputs):
    """Which request it is."""

    request: str = Field("", description="key of the request, such as HELP-12")
    url: str = Field("", description="its address for customers")


class JsmRequest(Action[RequestParams]):
    """Raise a request in a service desk of Jira Service Management.

    Its text ends with a reference, by which it is found again; so it is raised once, whatever became of the answer. In
    a drill it is raised in the sandbox desk and for nobody, and without a sandbox not at all. In a dry run it is shown.
    check: looks for the reference among the requests of that type that the account raised, up to 2,000.
    apply: looks again a while later, since lists lag behind, and raises it.
    """

    name = "jsm.request"
    reversible = False
    eventual = True
    Params = RequestParams
    Outputs = RequestOutputs
    example: ClassVar[str] = """\
jsm.request:
  site:
    url: https://example.atlassian.net
    email: recovery@example.com
    token: "{{ secret('env:ATLASSIAN_TOKEN') }}"
  service_desk: "10"
  request_type: "25"
  summary: The service moves to its standby region
  description: Expect to be back within the hour.
"""

    def check(self, params: RequestParams, context: ActionContext) -> Finding:
        """Look for it."""
        desk, mark = _desk(params, context), mark_of(context.run, params.key)
        found, complete = _find(params.client(context), desk, params.mark_field, mark)
        if found is not None:
            return satisfied(f"{text(found, 'issueKey')} is raised", outputs=_outputs(found))
        after = f"{_summary(params, context)}\n\n{marked(params.description, mark)}"
        changes = (Change(what=f"request in service desk {desk.service_desk}", after=after),)
        if not complete:
            said = f"it is not among the {_LOOKED_THROUGH} requests that were looked through, and there are more"
            return unknown(said, changes=changes)
        return unsatisfied("it is not raised yet", changes=changes)

    def apply(self, params: RequestParams, context: ActionContext) -> Applied:
        """Raise it, unless it shows by now."""
        desk, mark = _desk(params, context), mark_of(context.run, params.key)
        client = params.client(context)
        if params.settle:
            context.pause(params.settle.total_seconds())
        body = _body(params, context, desk, mark)
        made, is_new = found_or_asked(
            context,
            lambda: _find(client, desk, params.mark_field, mark)[0],
            lambda: client.send("POST", _PATH, body),
        )
        key = text(made, "issueKey")
        summary = f"raised {key}" if is_new else f"{key} was raised before"
        return Applied(summary=summary, outputs=_outputs(made), changed=is_new)


def _desk(params: RequestParams, context: ActionContext) -> Desk:
    """Give where to raise it."""
    return place_for(
        context,
        params,
        params.sandbox,
        lacks="sandbox service desk",
        hint="give sandbox: a service desk for drills",
    )


def _find(client: Client, desk: Desk, field: str, mark: str) -> tuple[JsonObject | None, bool]:
    """Give the request with the mark, and whether all were looked through."""
    query = {
        "serviceDeskId": desk.service_desk,
        "requestTypeId": desk.request_type,
        "requestOwnership": "OWNED_REQUESTS",
        "requestStatus": "ALL_REQUESTS",
    }
    for number, item in enumerate(by_start(client, _PATH, query)):
        if number >= _LOOKED_THROUGH:
            return None, False
        values = objects(item, "requestFieldValues")
        if any(text(value, "fieldId") == field and holds(text(value, "value"), mark) for value in values):
            return item, True
    return None, True


def _summary(params: RequestParams, context: ActionContext) -> str:
    return words_for(context, params.summary)[:_SUMMARY_LIMIT]


def _body(params: RequestParams, context: ActionContext, desk: Desk, mark: str) -> JsonObject:
    """Give what to send; in a drill it is nobody's, since whoever it is for would be told."""
    fields: Mapping[str, JsonValue] = {
        **params.fields,
        "summary": _summary(params, context),
        params.mark_field: marked(params.description, mark),
    }
    drill = in_drill(context)
    body: dict[str, JsonValue] = {
        "serviceDeskId": desk.service_desk,
        "requestTypeId": desk.request_type,
        "requestFieldValues": {**fields},
    }
    if params.on_behalf_of is not None and not drill:
        body["raiseOnBehalfOf"] = params.on_behalf_of
    if params.participants and not drill:
        body["requestParticipants"] = [*params.participants]
    return body


def _outputs(answer: JsonValue) -> JsonObject:
    return {"request": text(answer, "issueKey"), "url": text(answer, "_links", "web")}
