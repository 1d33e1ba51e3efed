"""From a message that is owed to the orders that send it: rendered anew each time, with what the run knows then."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from runbook_engine.execution.orders import OrderMaker
from runbook_engine.execution.parameters import render_files, render_params
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import LOCALHOST
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.message import addressed
from runbook_engine.model.names import step_of
from runbook_engine.model.plan import PlannedCommunication
from runbook_engine.ports.action import Action, Params
from runbook_engine.ports.dispatcher import AttemptOrder

_SAYS_TEXT = re.compile(r"""message\s*(\.\s*text\b|\[\s*['"]text['"]\s*\])""")
_SHORTEST = 60.0  # seconds that a try may take, however often there is a message
_LONGEST = 900.0


def message_order(
    maker: OrderMaker,
    talk: PlannedCommunication,
    call: int,
    *,
    what: str,
    sequence: int,
    number: int,
    text: str,
    next_by: datetime | None,
    recorded: JsonObject,
) -> AttemptOrder:
    """Give the order that sends one message in one of its ways.

    Args:
        call: which of the ways in which this kind of message is sent.
        number: of the try, from 1.
        text: an operator's words.
        next_by: when the one after it is due; None after the last one.
        recorded: what earlier tries did.

    Raises:
        RunbookError: it can't be rendered, or the action has no place for the operator's words.
        KnownAfterApplyError: a dry run can't know what a template file of it says.
    """
    written = talk.calls(what)[call]
    action = maker.catalog.get(written.name)
    if action is None:
        raise RunbookError(f"there is no action {written.name} here", hint="is its plugin installed on this machine?")
    written_out = {**maker.defaults.get(written.name, {}), **written.params}
    given = addressed(written_out, action.addressees, talk.audience)
    names = _names(maker, talk, what=what, sequence=sequence, text=text, next_by=next_by)
    scope = maker.scope_at(talk.scope, LOCALHOST, here={"message": names})
    replaced = bool(text) and not _mentions_text(maker, action, given)
    if replaced:
        given = _without_words(action, given)
    rendered = render_params(action, given, scope)
    # A dry run shows what it can: what a real run alone knows stands there as "(known after apply)".
    parameters, secrets = cast("JsonObject", rendered.value), dict(rendered.secrets)
    files = render_files(action, parameters, scope, secrets, maker.project_file) if action.template_files else {}
    if replaced:
        parameters = {**parameters, action.words[0]: text}  # what a person typed is data, never a template
    run = maker.run
    return AttemptOrder(
        run=run.id,
        task=message_task(talk.name, sequence, call),
        step=f"communications/{talk.name}",
        number=number,
        action=written.name,
        parameters=parameters,
        secrets=secrets,
        target=maker.plan.target(LOCALHOST),
        mode=run.mode,
        runbook=maker.plan.runbook.name,
        operator=run.operator,
        token=_token(run.id, talk.name, sequence, call),
        timeout=min(max(talk.every, _SHORTEST), _LONGEST),
        fence=maker.fence,
        recorded=recorded,
        rendered=files,
    )


def message_task(audience: str, sequence: int, call: int) -> str:
    """Name a message in one of its ways as tasks are named; no step's task has such a name."""
    return f"message:{audience}#{sequence}/{call}"


def _token(run: str, audience: str, sequence: int, call: int) -> str:
    """Give the identity of the message, the same however often it is tried, and by whom."""
    return hashlib.sha256(f"{run}\nmessage\n{audience}\n{sequence}\n{call}".encode()).hexdigest()[:32]


def _names(
    maker: OrderMaker, talk: PlannedCommunication, *, what: str, sequence: int, text: str, next_by: datetime | None
) -> JsonObject:
    """Give what templates see as `message`."""
    tasks = maker.state.tasks
    told = maker.state.messages.of(talk.name)
    running = dict.fromkeys(step_of(name) for name, task in tasks.items() if task.phase is Phase.RUNNING)
    return {
        "audience": talk.audience,
        "what": what,
        "number": sequence,
        "text": text,
        "last_sent_at": _iso(told.spoken_at),
        "next_by": _iso(next_by),
        "next_by_text": f"{next_by.astimezone(UTC):%H:%M} UTC on {next_by.astimezone(UTC):%Y-%m-%d}"
        if next_by
        else None,
        "tasks": len(maker.plan.tasks),
        "ended": sum(task.phase is Phase.ENDED for task in tasks.values()),
        "running": list(running),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment is not None else None


def _mentions_text(maker: OrderMaker, action: Action[Params], params: JsonObject) -> bool:
    """Whether the message's own templates have a place for the operator's words."""
    texts = list(_texts(params))
    files = [params[name] for name in action.template_files if isinstance(params.get(name), str)]
    texts += [maker.project_file(path).decode("utf-8", "replace") for path in files if isinstance(path, str)]
    return any(_SAYS_TEXT.search(text) for text in texts)


def _texts(value: JsonValue) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return []


def _without_words(action: Action[Params], params: JsonObject) -> JsonObject:
    if not action.words:
        raise RunbookError(
            f"{action.name} has no place for what an operator says", hint="put {{ message.text }} into its parameters"
        )
    return {name: value for name, value in params.items() if name not in action.words}
