"""The report as one self-contained HTML file: no script, nothing loaded from elsewhere, good to print."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from runbook_engine.model.report import RunReport, TimelineEntry
from runbook_engine.reporting import words
from runbook_engine.reporting.graph_svg import as_svg
from runbook_engine.reporting.inert import visible
from runbook_engine.reporting.proven import not_proven, proven
from runbook_engine.reporting.run_graph import run_graph
from runbook_engine.reporting.untold import untold

_MOST_BARS = 150  # of the timeline; more than that nobody can read
_WIDTH = 1000.0
_LEAST_WIDTH = 2.0
_LABEL_WIDTH = 70.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the timeline: `x` and `width` in units of the picture, `style` is the outcome or kind."""

    label: str
    x: float
    width: float
    style: str
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A time, or a mark of the recovery, at its place of the timeline."""

    label: str
    x: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The timeline ready to draw; `left_out` bars did not fit."""

    bars: list[Bar]
    ticks: list[Tick]
    marks: list[Tick]
    left_out: int


def render_html(report: RunReport) -> str:
    """Give the report as an HTML page; whatever text came from elsewhere is escaped and cannot act."""
    graph = run_graph(report)
    return _template().render(
        report=report,
        chart=make_chart(report),
        graph=Markup(as_svg(graph, inline=True)) if graph else "",  # noqa: S704 - its texts are escaped where it is drawn
        proven=proven(report),
        not_proven=not_proven(report),
        untold=list(untold(report)),
        words=words,
    )


def make_chart(report: RunReport, now: datetime | None = None) -> Chart | None:
    """Lay the run out on a line of time; None when nothing happened that took time.

    Args:
        now: until when that is drawn which has not ended; the last moment that is known when None.
    """
    bars = [entry for entry in report.timeline if entry.kind in {"attempt", "gate"}]
    if not bars or report.opened_at is None:
        return None
    begin = min(report.opened_at, *(entry.at for entry in bars))
    going_on = now if any(entry.ended is None for entry in bars) else None
    end = max(*(entry.ended or entry.at for entry in bars), going_on or begin, begin)
    scale = _WIDTH / max((end - begin).total_seconds(), 0.001)
    shown = _shown(bars)
    marks = _joined(
        [
            Tick(entry.label, (entry.at - begin).total_seconds() * scale)
            for entry in report.timeline
            if entry.kind == "mark" and begin <= entry.at <= end
        ]
    )
    ticks = [Tick(words.clock(begin + (end - begin) * part / 5), _WIDTH * part / 5) for part in range(6)]
    return Chart([_bar(entry, begin, end, scale) for entry in shown], ticks, marks, len(bars) - len(shown))


def _joined(marks: list[Tick]) -> list[Tick]:
    """Give marks that would stand on one another a common label."""
    joined: list[Tick] = []
    for mark in marks:
        if joined and mark.x - joined[-1].x < _LABEL_WIDTH:
            joined[-1] = Tick(f"{joined[-1].label}, {mark.label}", joined[-1].x)
        else:
            joined.append(mark)
    return joined


def _shown(bars: list[TimelineEntry]) -> list[TimelineEntry]:
    """Choose the bars worth their place: what failed, gates, then the longest."""
    if len(bars) <= _MOST_BARS:
        return bars
    ranked = sorted(
        range(len(bars)),
        key=lambda i: (
            bars[i].kind != "gate" and bars[i].outcome not in {"failed", "unreachable"},
            -((bars[i].ended or bars[i].at) - bars[i].at).total_seconds(),
        ),
    )
    return [bars[index] for index in sorted(ranked[:_MOST_BARS])]


def _bar(entry: TimelineEntry, begin: datetime, end: datetime, scale: float) -> Bar:
    ended = entry.ended or end
    seconds = (ended - entry.at).total_seconds()
    x = (entry.at - begin).total_seconds() * scale
    outcome = entry.outcome or ("running" if entry.ended is None else "")
    return Bar(
        label=entry.label,
        x=min(x, _WIDTH - _LEAST_WIDTH),
        width=max(_LEAST_WIDTH, seconds * scale),
        style=entry.kind if entry.kind == "gate" else outcome,
        title=f"{entry.label}: {outcome}, {words.clock(entry.at)}, {words.duration(seconds)}",
    )


@cache
def _template() -> Template:
    # Everything is text from elsewhere: escaped by default, and `finalize` takes the control characters out first.
    environment = Environment(
        loader=PackageLoader("runbook_engine.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=inert,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def inert(value: object) -> object:
    """Give what a template shows: values of JSON as text, and in text nothing that is obeyed rather than read."""
    if isinstance(value, Mapping | list | tuple):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
