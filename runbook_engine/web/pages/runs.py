"""The list of runs, newest first, page by page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from runbook_engine.app.status import RunLine, RunStatus, list_runs, run_status
from runbook_engine.loading.folder import yaml_files
from runbook_engine.web.pages.render import render
from runbook_engine.web.pages.run_view import run_url
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

PER_PAGE = 25
_AT_ONCE = 200  # runs that are looked at together for those that are wanted
_STATUSES = ("running", "waiting", "stopped", "succeeded", "failed", "aborted")
_OPEN = frozenset({"running", "waiting", "stopped"})
_MODES = ("live", "drill", "dry-run")


@dataclass(frozen=True, slots=True)
class Line:
    """A run as it is listed; `seconds` is None while it is not over, `waits` says for whom it waits."""

    run: RunLine
    url: str
    standing: str
    seconds: float | None
    passed: float
    waits: str


def page(source: Source, viewer: Viewer | None, query: Mapping[str, str]) -> str:
    """Write the list; `query` may choose by `runbook`, `status` and `mode`, and go on `before` a run.

    Raises:
        UsageError: the run that it is to go on before is none.
    """
    chosen = {name: query.get(name, "").strip()[:200] for name in ("runbook", "status", "mode", "before")}
    lines: list[Line] = []
    more = False
    for line in _found(source, chosen):
        if len(lines) == PER_PAGE:
            more = True
            break
        lines.append(line)
    following = {**chosen, "before": lines[-1].run.id} if more else {}
    return render(
        "runs.html.j2",
        viewer,
        title="Runs",
        lines=lines,
        chosen=chosen,
        filtered=any(chosen[name] for name in ("runbook", "status", "mode")),
        next=f"/?{urlencode({name: value for name, value in following.items() if value})}" if following else "",
        runbooks=[path.stem for path in yaml_files(source.project.root / "runbooks")],
        statuses=_STATUSES,
        modes=_MODES,
    )


def _found(source: Source, chosen: Mapping[str, str]) -> Iterator[Line]:
    """Give the runs that are wanted, as long as somebody wants more."""
    before = chosen["before"]
    while runs := list_runs(source.journal, limit=_AT_ONCE, before=before):
        for run in runs:
            if _is_wanted(run, chosen):
                line = _line(source, run)
                if chosen["status"] in {"", line.standing}:
                    yield line
        before = runs[-1].id


def _is_wanted(run: RunLine, chosen: Mapping[str, str]) -> bool:
    """Choose by what is known without looking into a run: whether an open one waits is not."""
    status = chosen["status"]
    is_open = run.closed_at is None
    return (
        chosen["runbook"] in {"", run.runbook}
        and chosen["mode"] in {"", run.mode}
        and (not status or (is_open if status in _OPEN else run.status == status))
    )


def _line(source: Source, run: RunLine) -> Line:
    now = datetime.now(UTC)
    if run.closed_at is not None:
        seconds = max(0.0, (run.closed_at - run.started_at).total_seconds())
        return Line(run, run_url(run.id), run.status, seconds, seconds, "")
    passed = max(0.0, (now - run.started_at).total_seconds())
    head = source.journal.head(run.id)
    if head is None:
        return Line(run, run_url(run.id), run.status, None, passed, "")
    status = run_status(source.journal, head, now=now)
    return Line(run, run_url(run.id), status.status, None, passed, _waits(status))


def _waits(status: RunStatus) -> str:
    """Say for whom a run waits."""
    asked = [
        f"{gate.task} waits for {' or '.join(gate.roles) or 'anybody'}" for gate in status.gates if not gate.opens_at
    ]
    held = [f"{one.task} is held" for one in status.held]
    said = [*asked, *held]
    return "; ".join(said[:3]) + (f" and {len(said) - 3} more" if len(said) > 3 else "")  # noqa: PLR2004 - a line's worth
