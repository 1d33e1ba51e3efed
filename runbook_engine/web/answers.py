"""What people say on the dashboard to a run: answers, decisions, orders, notes; by the command line's use cases."""

import hmac
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from runbook_engine.app.project import os_user
from runbook_engine.model.event import Actor
from runbook_engine.web.forms import read_form
from runbook_engine.web.paths import run_of
from runbook_engine.web.replies import RefusedError, desk_of, viewer_of
from runbook_engine.web.said import WORDS, Said
from runbook_engine.web.viewer import Viewer

_log = logging.getLogger("runbook.web")
_LONGEST_REASON = 2000
_LONGEST_TASK = 1000

POSTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "/runs/{run}/answer": ("answer", tuple(WORDS)),
    "/runs/{run}/gates/{task:path}": ("decision", ("approve", "decline")),
    "/runs/{run}/holds/{task:path}": ("decision", ("retry", "skip", "ignore", "abort")),
    "/runs/{run}/tasks/{task:path}": ("answer", ("pass", "fail")),
    "/runs/{run}/pause": ("", ("pause",)),
    "/runs/{run}/continue": ("", ("continue",)),
    "/runs/{run}/abort": ("", ("abort",)),
    "/runs/{run}/notes": ("answer", ("note", "say")),
}
"""By path: the form's field that has the answer (none where the path itself says it), and the answers it may have."""


def answering(field: str, among: tuple[str, ...]) -> Callable[[Request], Awaitable[Response]]:
    """Make the endpoint of a form; the browser goes back to the run's page.

    Every form has `csrf`; `reason` (or `note`, `text`) is kept in the journal; `plan`, where there is one, is the
    fingerprint of the plan that the person saw.
    """

    async def endpoint(request: Request) -> Response:
        form = await read_form(request)
        viewer = viewer_of(request)
        check_csrf(form, viewer)
        request.state.wrote = _written(form)
        if not viewer.may_act:
            raise RefusedError(
                403, f"{viewer.name} has no role in team.yml and only looks on", hint="somebody with a role can say it"
            )
        word = form.get(field, among[0]) if field else among[0]
        if word not in among or (field and field not in form):
            raise RefusedError(400, f"{field} is one of: {', '.join(among)}")
        return await run_in_threadpool(_carry_out, request, viewer, form, word)

    return endpoint


def check_csrf(form: Mapping[str, str], viewer: Viewer) -> None:
    """Make sure that a form was made for this session.

    Raises:
        RefusedError: it was made for another one, or by somebody else.
    """
    if not hmac.compare_digest(form.get("csrf", "").encode(), viewer.csrf.encode()):
        hint = "go back, load the page again, and say it once more"
        raise RefusedError(403, "this page is older than your login", hint=hint)


def _carry_out(request: Request, viewer: Viewer, form: Mapping[str, str], word: str) -> Response:
    source = desk_of(request).source()
    run = run_of(source, request.path_params["run"]).id
    address = request.client.host if request.client else "?"
    task = request.path_params.get("task") or form.get("task", "")
    if len(task) > _LONGEST_TASK:
        raise RefusedError(409, f"there is no task {task[:200]}…")
    said = Said(
        project=source.project,
        journal=source.journal,
        run=run,
        task=task,
        actor=Actor(
            kind="person",
            name=viewer.person,
            os_user=os_user(),
            host=f"{socket.gethostname()}, by the dashboard from {address}",
        ),
        text=_text(form, word),
        form=form,
    )
    WORDS[word](said)
    _log.info("%s said %s to run %s, from %s", viewer.person, word, run, address)
    return RedirectResponse(f"/runs/{run}", 303)


def _written(form: Mapping[str, str]) -> str:
    return (form.get("reason") or form.get("note") or form.get("text") or "").strip()


def _text(form: Mapping[str, str], word: str) -> str:
    """Give why somebody says it, what they saw, or what they want told; that (`say`, `note`) has its own limit."""
    text = _written(form)
    if word not in {"say", "note"} and len(text) > _LONGEST_REASON:
        raise RefusedError(413, f"the text has {len(text):,} characters; it may have {_LONGEST_REASON:,}")
    return text
