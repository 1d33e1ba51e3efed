"""maintenance.page: puts a maintenance page up on a web host, or takes it down."""

from typing import ClassVar, Literal

from pydantic import Field

from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Finding,
    Outputs,
    Params,
    satisfied,
    unsatisfied,
)

LIMIT = 1_000_000
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Maintenance</title>
<body><h1>We will be back soon</h1><p>{message}</p></body></html>
"""
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


class PageParams(Params):
    """Which page, where."""

    document_root: str = Field(
        pattern=r"^/", description="folder that the web server serves", examples=["/var/www/app"]
    )
    state: Literal["up", "down"] = Field("up", description="whether the page shall be there")
    file: str = Field(
        "maintenance.html", pattern=r"^[\w.-]+$", description="its name; the web server shows it when it exists"
    )
    message: str = Field(
        "", description="what visitors are told, one sentence", examples=["We are moving to our standby region."]
    )


class PageOutputs(Outputs):
    """Where the page is."""

    path: str = Field("", description="path of the page on the host")
    before: str | None = Field(None, description="the page that was there before, which `revert` puts back")


class MaintenancePage(Action[PageParams]):
    """Put a maintenance page up on a web host, or take it down.

    check: compares the page's file with what it shall be.
    apply: writes it whole, or removes it.
    revert: puts back the page that was there before, or none.
    """

    name = "maintenance.page"
    Params = PageParams
    Outputs = PageOutputs
    example: ClassVar[str] = """\
maintenance.page:
  document_root: /var/www/app
  state: up
  message: We are moving to our standby region.
"""

    def check(self, params: PageParams, context: ActionContext) -> Finding:
        """Compare."""
        path, now, wanted = _path(params), _current(params, context), _wanted(params)
        if now == wanted:
            return satisfied(f"{path} is {params.state}", outputs={"path": path})
        return unsatisfied(f"{path} is not as wanted", changes=(Change(what=path, before=now, after=wanted),))

    def apply(self, params: PageParams, context: ActionContext) -> Applied:
        """Write or remove."""
        before = _current(params, context)
        _set(params, context, _wanted(params))
        return Applied(summary=f"the page is {params.state}", outputs={"before": before})

    def revert(self, params: PageParams, context: ActionContext) -> Applied:
        """Put back what was there before."""
        before = context.recorded.get("before")
        _set(params, context, before if isinstance(before, str) else None)
        return Applied(summary="put back the page that was there before" if before else "took the page down")


def _path(params: PageParams) -> str:
    return f"{params.document_root.rstrip('/')}/{params.file}"


def _wanted(params: PageParams) -> str | None:
    return PAGE.format(message=params.message.translate(ESCAPES)) if params.state == "up" else None


def _current(params: PageParams, context: ActionContext) -> str | None:
    """Read the page, None when there is none.

    Raises:
        ActionFailedError: the folder is not there, so that no page could be shown.
    """
    if context.connection.stat(params.document_root) is None:
        raise ActionFailedError(
            f"{params.document_root} is not there on {context.target.name}", hint="give the web server's document root"
        )
    path = _path(params)
    if context.connection.stat(path) is None:
        return None
    return context.connection.read(path, limit=LIMIT).decode("utf-8", "replace")


def _set(params: PageParams, context: ActionContext, content: str | None) -> None:
    path = _path(params)
    if content is None:
        context.connection.remove(path)
    else:
        context.connection.write(path, content.encode(), mode=0o644)
