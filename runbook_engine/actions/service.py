"""service.state: whether a systemd unit runs, and whether it starts at boot."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Command,
    Finding,
    Outputs,
    Params,
    satisfied,
    unsatisfied,
)

PROPERTIES = "LoadState,ActiveState,SubState,UnitFileState"
RUNNING = frozenset({"active", "reloading"})
STOPPED = frozenset({"inactive", "failed"})
ENABLED = frozenset({"enabled", "enabled-runtime", "alias"})


class ServiceParams(Params):
    """At least one of `state` and `enabled`."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*$", description="the unit", examples=["nginx", "app@eu.service"]
    )
    state: Literal["started", "stopped"] | None = Field(None, description="whether it shall run now")
    enabled: bool | None = Field(None, description="whether it shall start at boot")

    @model_validator(mode="after")
    def _something_wanted(self) -> Self:
        if self.state is None and self.enabled is None:
            raise ValueError("give state, enabled or both")
        return self


class ServiceOutputs(Outputs):
    """The unit as systemd describes it."""

    active: str = Field("", description="systemd's ActiveState, such as `active`")
    enabled: str = Field("", description="systemd's UnitFileState, such as `enabled`")
    before: dict[str, str] = Field({}, description="both as they were before it was changed, which `revert` puts back")


class ServiceState(Action[ServiceParams]):
    """Start or stop a systemd unit, enable or disable it.

    There is no `restarted`: nobody could tell whether it was done. Use command.run for that.
    check: one `systemctl show`.
    apply: `systemctl start|stop|enable|disable`, only what differs.
    revert: back to what it was before the step changed it.
    """

    name = "service.state"
    Params = ServiceParams
    Outputs = ServiceOutputs
    example: ClassVar[str] = """\
service.state:
  name: nginx
  state: started
  enabled: true
"""

    def probe_commands(self, params: ServiceParams) -> Sequence[tuple[str, ...]]:
        """Name `systemctl show`."""
        return (_show(params),)

    def check(self, params: ServiceParams, context: ActionContext) -> Finding:
        """Ask systemd."""
        unit = _unit(params, context)
        changes = _changes(params, unit)
        words = f"{params.name} is {unit['ActiveState']} and {unit['UnitFileState'] or 'has no unit file'}"
        if changes:
            return unsatisfied(words, changes=changes)
        return satisfied(words, outputs={"active": unit["ActiveState"], "enabled": unit["UnitFileState"]})

    def apply(self, params: ServiceParams, context: ActionContext) -> Applied:
        """Change what differs."""
        unit = _unit(params, context)
        before = {"active": unit["ActiveState"], "enabled": unit["UnitFileState"]}
        verbs = []
        if params.state is not None and not _state_reached(params.state, unit):
            verbs.append("start" if params.state == "started" else "stop")
        if params.enabled is not None and params.enabled != (unit["UnitFileState"] in ENABLED):
            verbs.append("enable" if params.enabled else "disable")
        for verb in verbs:
            _systemctl(verb, params, context)
        return Applied(summary=f"{' and '.join(verbs) or 'left'} {params.name}", outputs={"before": before})

    def revert(self, params: ServiceParams, context: ActionContext) -> Applied:
        """Put back what was there before."""
        before = context.recorded.get("before")
        if not isinstance(before, dict):
            raise ActionFailedError(
                f"nothing is recorded of what {params.name} was before", hint="set its state by a step of its own"
            )
        earlier = ServiceParams(
            name=params.name,
            state=None if params.state is None else "started" if before.get("active") in RUNNING else "stopped",
            enabled=None if params.enabled is None else before.get("enabled") in ENABLED,
        )
        return self.apply(earlier, context)


def _show(params: ServiceParams) -> tuple[str, ...]:
    return ("systemctl", "show", f"--property={PROPERTIES}", "--", params.name)


def _unit(params: ServiceParams, context: ActionContext) -> dict[str, str]:
    """Ask systemd for the unit's state; a unit that isn't there is an error unless it shall be stopped."""
    text = _run(_show(params), context)
    unit = dict.fromkeys(PROPERTIES.split(","), "")
    for line in text.splitlines():
        key, _, value = line.partition("=")
        unit[key] = value
    missing = unit["LoadState"] in {"", "not-found", "masked", "bad-setting", "error"}
    gone_is_fine = (
        params.state == "stopped" and params.enabled is not True and unit["LoadState"] in {"not-found", "masked"}
    )
    if missing and not gone_is_fine:
        raise ActionFailedError(
            f"systemd on {context.target.name} has no usable unit {params.name} ({unit['LoadState'] or 'no answer'})",
            hint=f"look at `systemctl status {params.name}` there",
        )
    return unit


def _changes(params: ServiceParams, unit: dict[str, str]) -> tuple[Change, ...]:
    changes = []
    if params.state is not None and not _state_reached(params.state, unit):
        changes.append(Change(what=f"{params.name} state", before=unit["ActiveState"], after=params.state))
    if params.enabled is not None and params.enabled != (unit["UnitFileState"] in ENABLED):
        after = "enabled" if params.enabled else "disabled"
        changes.append(Change(what=f"{params.name} at boot", before=unit["UnitFileState"], after=after))
    return tuple(changes)


def _state_reached(state: str, unit: dict[str, str]) -> bool:
    return unit["ActiveState"] in (RUNNING if state == "started" else STOPPED)


def _systemctl(verb: str, params: ServiceParams, context: ActionContext) -> None:
    context.progress(f"systemctl {verb} {params.name}")
    _run(("systemctl", "--no-ask-password", verb, "--", params.name), context)


def _run(argv: tuple[str, ...], context: ActionContext) -> str:
    result = context.connection.run(Command(argv=argv), timeout=context.remaining())
    if result.exit_status != 0:
        said = result.stderr.decode("utf-8", "replace").strip() or "it said nothing"
        raise ActionFailedError(
            f"`{' '.join(argv)}` ended with exit status {result.exit_status} on {context.target.name}: {said}",
            hint="most units need root: set become: true on the step",
        )
    return result.stdout.decode("utf-8", "replace")
