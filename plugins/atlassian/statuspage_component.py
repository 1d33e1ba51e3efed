"""statuspage.component: a component of a status page is in a given state."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)

from .client import segment
from .drills import place_for
from .statuspage import ComponentStatus, OnPage, one_component


class ComponentParams(OnPage):
    """Which component, in what state."""

    component: str = Field(min_length=1, description="its id, or its name", examples=["API"])
    status: ComponentStatus = Field(description="the state to show")


class ComponentOutputs(Outputs):
    """Which component it is, and what it showed."""

    page: str = Field("", description="id of the page")
    component: str = Field("", description="id of the component")
    before: str = Field("", description="the state that was shown before, which `revert` puts back")


class StatuspageComponent(Action[ComponentParams]):
    """Show a component of a status page in a given state.

    In a drill on the sandbox page only, and without one not at all, since visitors would take it for true.
    check: compares the state that is shown.
    apply: sets it; the page's subscribers may be told of that by Statuspage.
    revert: puts back the state that was shown before.
    """

    name = "statuspage.component"
    Params = ComponentParams
    Outputs = ComponentOutputs
    example: ClassVar[str] = """\
statuspage.component:
  statuspage: {page: gytm4qzbx9t6, token: "{{ secret('env:STATUSPAGE_TOKEN') }}"}
  component: API
  status: major_outage
"""

    def check(self, params: ComponentParams, context: ActionContext) -> Finding:
        """Compare."""
        page, component, now = _look(params, context)
        known = {"page": page, "component": component}
        if now == params.status:
            return satisfied(f"{params.component} is shown as {now}", outputs=known)
        change = Change(what=f"component {params.component}", before=now, after=params.status)
        return unsatisfied(f"{params.component} is shown as {now}", changes=(change,), outputs=known)

    def apply(self, params: ComponentParams, context: ActionContext) -> Applied:
        """Set it."""
        page, component, now = _look(params, context)
        _set(params, context, page, component, params.status)
        return Applied(summary=f"{params.component} is shown as {params.status}", outputs={"before": now})

    def revert(self, params: ComponentParams, context: ActionContext) -> Applied:
        """Put the state back that was shown before."""
        before = context.recorded.get("before")
        if not isinstance(before, str) or not before:
            raise ActionFailedError(
                f"what {params.component} showed before is not known", hint="set it by statuspage.component"
            )
        page, component, _ = _look(params, context)
        _set(params, context, page, component, before)
        return Applied(summary=f"{params.component} is shown as {before} again")


def _look(params: ComponentParams, context: ActionContext) -> tuple[str, str, str]:
    """Give the page, the component's id, and its state now.

    Raises:
        ActionFailedError: there is no such component, or it is a drill and there is no sandbox.
    """
    page = place_for(
        context,
        params.statuspage.page,
        params.statuspage.sandbox_page,
        lacks="sandbox page; visitors would take a component's state for true",
        hint="give statuspage.sandbox_page, a page of your own for drills",
    )
    return (page, *one_component(params.client(context), page, params.component))


def _set(params: ComponentParams, context: ActionContext, page: str, component: str, status: str) -> None:
    path = f"/pages/{segment(page)}/components/{segment(component)}"
    params.client(context).send("PATCH", path, {"component": {"status": status}}, repeatable=True)
