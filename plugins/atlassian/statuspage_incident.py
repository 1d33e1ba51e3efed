"""statuspage.incident: opens an incident on a status page, tells how it goes, and resolves it."""

from collections.abc import Mapping
from itertools import islice
from typing import ClassVar, Literal

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
    Outputs,
    RunFacts,
    satisfied,
    unsatisfied,
)

from .client import Client, segment
from .drills import DRILL, in_drill, words_for
from .marks import mark_of
from .once import asked_once
from .pages import by_number
from .shapes import mapping, text
from .statuspage import ComponentStatus, OnPage, component_ids
from .turns import alone

_MARK = "runbook_engine"  # our part of an incident's metadata
_RECENT = 100  # incidents, the newest, that are searched for one that is resolved
_NAME_LIMIT = 255


class IncidentParams(OnPage):
    """Which incident, and what to say of it."""

    status: Literal["investigating", "identified", "monitoring", "resolved"] = Field(description="how far it is")
    body: str = Field(min_length=1, max_length=25_000, description="what to tell, as one update of the incident")
    name: str | None = Field(
        None,
        min_length=1,
        max_length=_NAME_LIMIT - len(DRILL),
        description="title of the incident; a step with a name opens it where there is none yet",
        examples=["The service is moving to its standby region"],
    )
    key: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="what makes it the same incident for several steps, and for later runs while it is open; the run",
        examples=["eu-outage"],
    )
    impact: Literal["none", "maintenance", "minor", "major", "critical"] | None = Field(
        None, description="how bad it is shown; by its components unless given"
    )
    components: dict[str, ComponentStatus] = Field(
        {}, description="state to show of components, by id or name", examples=[{"API": "major_outage"}]
    )
    notify: bool = Field(default=True, description="whether subscribers are told; never in a drill")


class IncidentOutputs(Outputs):
    """Which incident it is."""

    page: str = Field("", description="id of the page")
    incident: str = Field("", description="id of the incident")
    url: str = Field("", description="its address for people")


class StatuspageIncident(Action[IncidentParams]):
    """Open an incident on a status page, tell how it goes, or resolve it.

    All such steps of a run speak of one incident, unless they are given keys: the step with a name opens it, those
    after it add an update each. What a step said is noted in the incident's metadata, unseen by visitors, in the same
    request; so nothing is said twice, whatever became of the answer. In a drill it goes to the sandbox page; without
    one to the page itself, marked as a drill, and nobody is notified. In a dry run it is shown and not sent.
    check: looks for this step's note among the open incidents and the hundred newest.
    apply: opens the incident, or adds the update.
    """

    name = "statuspage.incident"
    words = ("body",)
    reversible = False
    Params = IncidentParams
    Outputs = IncidentOutputs
    example: ClassVar[str] = """\
statuspage.incident:
  statuspage: {page: gytm4qzbx9t6, token: "{{ secret('env:STATUSPAGE_TOKEN') }}"}
  name: The service is moving to its standby region
  status: identified
  body: Our provider's region is down. We expect to be back within the hour.
  components: {API: major_outage}
"""

    def check(self, params: IncidentParams, context: ActionContext) -> Finding:
        """Look for our note."""
        client, page = params.client(context), params.statuspage.page_for(context.run.mode)
        found = _find(client, page, params, context.run)
        if found is not None and _says(found, context.run):
            return satisfied(f"{text(found, 'name')!r} says it already", outputs=_outputs(page, found))
        content = _content(params, context, found)
        shown = _preview(content, component_ids(client, page, params.components))
        what = "update of the incident" if found is not None or params.name is None else "incident"
        summary = f"{text(found, 'name')!r} does not say it yet" if found is not None else "there is no incident yet"
        return unsatisfied(summary, changes=(Change(what=f"{what} on page {page}", after=shown),))

    def apply(self, params: IncidentParams, context: ActionContext) -> Applied:
        """Open it, or add to it."""
        client, page = params.client(context), params.statuspage.page_for(context.run.mode)
        with alone(context, f"{client.base} {page}"):
            components = component_ids(client, page, params.components)
            found = _find(client, page, params, context.run)
            if found is not None and _says(found, context.run):
                return Applied(summary="it was said before", outputs=_outputs(page, found), changed=False)
            if found is None and params.name is None:
                raise ActionFailedError(
                    f"there is no open incident {_key(params, context.run)!r} on the page, and the step opens none",
                    hint="give name to the step that opens it, and the same key to all, if any",
                )
            body: dict[str, JsonValue] = {**_content(params, context, found)}
            if components:
                body |= {"components": {**components}, "component_ids": [*components]}
            said = _say(client, page, params, context, found, {"incident": body})
        done = "opened" if found is None else "updated"
        return Applied(summary=f"{done} the incident: {params.status}", outputs=_outputs(page, said, found))


def _say(
    client: Client,
    page: str,
    params: IncidentParams,
    context: ActionContext,
    found: JsonObject | None,
    body: JsonObject,
) -> JsonValue:
    """Send it once, and give the incident."""
    path = f"/pages/{segment(page)}/incidents"

    def send() -> JsonValue:
        if found is None:
            return client.send("POST", path, body)
        return client.send("PATCH", f"{path}/{segment(text(found, 'id'))}", body)

    def look() -> JsonValue:
        there = _find(client, page, params, context.run)
        return there if _says(there, context.run) else None

    return asked_once(context, send, look)


def _find(client: Client, page: str, params: IncidentParams, run: RunFacts) -> JsonObject | None:
    """Give the incident that is spoken of: an open one of our key, or a resolved one that has our note."""
    path, key = f"/pages/{segment(page)}/incidents", _key(params, run)
    for item in by_number(client, f"{path}/unresolved", size_name="per_page"):
        if text(item, "metadata", _MARK, "key") == key:
            return item
    for item in islice(by_number(client, path), _RECENT):
        if text(item, "metadata", _MARK, "key") == key and _says(item, run):
            return item
    return None


def _key(params: IncidentParams, run: RunFacts) -> str:
    return params.key or run.id


def _says(incident: JsonValue, run: RunFacts) -> bool:
    """Tell whether the step's note is in an incident."""
    return mark_of(run) in mapping(incident, "metadata", _MARK)


def _content(params: IncidentParams, context: ActionContext, found: JsonObject | None) -> JsonObject:
    """Give what to send, with the notes of earlier steps: nobody says whether the service merges or replaces them."""
    run, theirs = context.run, mapping(found, "metadata")
    ours = {**mapping(theirs, _MARK), "key": _key(params, run), mark_of(run): run.step}
    content: dict[str, JsonValue] = {
        "status": params.status,
        "body": words_for(context, params.body),
        "deliver_notifications": params.notify and not in_drill(context),
        "metadata": {**theirs, _MARK: ours},
    }
    if found is None and params.name is not None:
        content["name"] = words_for(context, params.name)
    if params.impact is not None:
        content["impact_override"] = params.impact
    return content


def _preview(content: JsonObject, components: Mapping[str, str]) -> str:
    """Write what visitors and subscribers would see."""
    lines = [text(content, "name"), f"{text(content, 'status')}: {text(content, 'body')}"]
    lines += [f"{name}: {status}" for name, status in components.items()]
    lines.append("subscribers are told" if content.get("deliver_notifications") else "nobody is notified")
    return "\n".join(line for line in lines if line)


def _outputs(page: str, answer: JsonValue, before: JsonObject | None = None) -> JsonObject:
    known = {name: text(answer, name) or text(before, name) for name in ("id", "shortlink")}
    return {"page": page, "incident": known["id"], "url": known["shortlink"]}
