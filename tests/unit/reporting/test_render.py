"""Reports as text, Markdown, HTML, JUnit and audit lines: complete, and inert whatever they are given."""

import html.parser
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.model.event import (
    Actor,
    GateApproved,
    GateOpened,
    HoldResolved,
    MessageMissed,
    NoteAdded,
    RunClosed,
    TaskBlocked,
)
from runbook_engine.model.outcome import Grade, unsatisfied
from runbook_engine.model.step_graph import Node, StepGraph
from runbook_engine.reporting.audit_log import audit_lines
from runbook_engine.reporting.build import build_report
from runbook_engine.reporting.graph_svg import as_svg
from runbook_engine.reporting.html import render_html
from runbook_engine.reporting.inert import markdown, one_line, visible
from runbook_engine.reporting.junit import render_junit
from runbook_engine.reporting.markdown import render_markdown
from runbook_engine.reporting.text import render_text

HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202eevil\u2066 \x9b1m</script><script>alert(1)</script><img src=x onerror=alert(2)> \" ' & | a|b\r\n# head `x` [l](http://evil) {{ 71*73 }} {% if %} \x00\u200b]]>"
DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
RENDERERS = [render_text, render_markdown, render_html, render_junit]


class Page(html.parser.HTMLParser):
    """Collects what a browser would see: tags, attributes, text."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def hostile(story):
    story.opened([("a", 2), ("b", 1)], title=HOSTILE, inputs={HOSTILE: HOSTILE}, note=HOSTILE, git_commit=HOSTILE,
                 skip={"b": HOSTILE}, files={HOSTILE: HOSTILE}, plugins={HOSTILE: HOSTILE}, mode="dry-run")  # fmt: skip
    finding = unsatisfied(HOSTILE, changes=({"what": HOSTILE, "before": HOSTILE, "after": {"x": HOSTILE}},))
    story.did(
        f"a@{HOSTILE}",
        "failed",
        error=HOSTILE,
        finding=finding,
        outputs={HOSTILE: HOSTILE},
        output_digest={"stdout": "x"},
    )
    story.say(GateOpened(task="g@h", message=HOSTILE, roles=(HOSTILE,), fingerprint=HOSTILE))
    story.say(
        GateApproved(task="g@h", person=HOSTILE, role=HOSTILE, reason=HOSTILE, fingerprint=HOSTILE),
        by=Actor(name=HOSTILE, host=HOSTILE),
    )
    story.say(NoteAdded(text=HOSTILE), MessageMissed(audience=HOSTILE, sequence=1, reason=HOSTILE))
    story.say(HoldResolved(task="a@x", decision="skip", reason=HOSTILE), TaskBlocked(task="b@h", because=HOSTILE))
    return build_report(story.events, outputs=lambda task, number: {"stdout": HOSTILE.encode() + b"\xff\x1b[2J"})


@pytest.fixture
def failover(story):
    story.opened([("declare", 1, {"kind": "gate"}), ("restore", 3), ("verify", 1, {"kind": "verification"})],
                 title="Region failover", objectives={"rto": "1m", "rpo": "1h"})  # fmt: skip
    story.at(5).say(GateOpened(task="declare@localhost", roles=("director",), fingerprint="f"))
    story.at(15).say(
        GateApproved(
            task="declare@localhost", person="dana", role="director", reason="us-east-1 is gone", fingerprint="f"
        )
    )
    story.did("restore@db1", took=60).did("restore@db2", "failed", error="no snapshot").did("restore@db2", number=2)
    story.say(TaskBlocked(task="verify@localhost", because="restore failed"))
    return story


@pytest.mark.parametrize("render", RENDERERS)
def test_hostile_text_is_shown_and_cannot_act(hostile, render):
    text = render(hostile)
    assert not DANGEROUS.search(text)
    assert "\\x1b[31mred" in text or "\\\\x1b\\[31mred" in text, "it is shown, not dropped"
    assert "5183" not in text, "data is never a template"


def test_hostile_text_is_no_markup_in_html(hostile):
    source = render_html(hostile)
    page = Page(source)
    assert page.open == []
    assert not {"script", "img", "iframe", "link", "a"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in {"href", "src"}]
    assert "</script><script>alert(1)" in "".join(page.words)
    assert "{{ 71*73 }}" in "".join(page.words)


def test_html_is_one_file_that_loads_nothing(failover):
    source = render_html(build_report(failover.events))
    assert source.lower().lstrip().startswith("<!doctype html>")
    assert "default-src 'none'" in source
    assert not re.search(r"url\(|@import|https?://", source)
    assert source.count("<rect") == 4
    assert "prefers-color-scheme: dark" in source
    assert "@media print" in source


def test_hostile_text_stays_in_its_cell_in_markdown(hostile):
    for line in render_markdown(hostile).splitlines():
        if line.startswith("|"):
            header_bars = len(re.findall(r"(?<!\\)\|", line))
            assert header_bars >= 2
        assert "<script" not in line
        assert "<img" not in line
        assert "](http" not in line
    rows = [line for line in render_markdown(hostile).splitlines() if line.startswith("| a&#64;")]
    assert len(rows) == 2
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}


@given(st.text())
def test_no_text_breaks_a_markdown_cell_or_a_line(text):
    cell = markdown(text)
    assert "\n" not in cell
    assert not re.search(r"(?<!\\)(\\\\)*\|", cell)
    assert "<" not in cell
    assert not DANGEROUS.search(cell)


@given(st.text(alphabet=st.characters()))
def test_visible_text_has_nothing_that_is_obeyed_and_can_go_into_xml(text):
    shown = visible(text)
    assert not DANGEROUS.search(shown)
    element = ET.Element("x")
    element.text = shown
    assert ET.fromstring(ET.tostring(element, encoding="utf-8")).text == (shown or None)  # our own output
    assert "\n" not in one_line(text)


def test_ordinary_text_stays_as_it_is():
    text = "Zürich 東京 🚀 naïve\t→\nline two"
    assert visible(text) == text


def test_junit_counts_what_it_holds(failover):
    failover.say(RunClosed(status="failed"))
    root = ET.fromstring(render_junit(build_report(failover.events)))  # our own output
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("5", "0", "0", "2")
    for suite in root:
        assert suite.tag == "testsuite"
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(name)) == len(suite.findall(f"testcase/{tag}"))
        for case in suite:
            assert case.get("name")
            assert case.get("classname").startswith("region-failover.")
            assert float(case.get("time")) >= 0


def test_junit_tells_failures_and_doubts_apart(story):
    story.opened([("a", 3)]).did("a@1", "failed", error="boom").did("a@2", "unreachable", in_doubt=True).did(
        "a@3", "unproven"
    )
    root = ET.fromstring(render_junit(build_report(story.events)))  # our own output
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("1", "1", "1")
    assert root.find(".//failure").get("message") == "boom"


def test_text_says_what_failed_before_anything_else(failover):
    failover.did("restore@db3", "failed", error="disk full").say(RunClosed(status="failed"))
    text = render_text(build_report(failover.events))
    assert text.splitlines()[0] == "region-failover (Region failover): FAILED"
    assert text.index("Needs attention") < text.index("disk full") < text.index("changed      db1")
    assert "blocked      verify@localhost  restore failed" in text
    assert "approved by dana as director: us-east-1 is gone" in text
    assert "restore@db2" not in text.split("Needs attention")[1].split("\n\n")[0], "it ended well at last"
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("rto", "took", "expected"),
    [("1m", 30, "30s against 1m: met"), ("1m", 90, "1m30s against 1m: missed by 30s"), (None, 30, "30s, no objective")],
)
def test_the_recovery_time_is_held_against_its_objective(story, rto, took, expected):
    story.opened([("a", 1)], objectives={"rto": rto}).did("a@h", took=took).say(RunClosed(status="succeeded"))
    report = build_report(story.events)
    for render in (render_text, render_markdown, render_html):
        assert expected in render(report)


def test_a_failed_run_achieved_nothing(story):
    story.opened([("a", 1)], objectives={"rto": "1m"}).did("a@h", "failed").say(RunClosed(status="failed"))
    assert "Recovery time:  not achieved (objective 1m)" in render_text(build_report(story.events))


def test_a_run_that_is_not_over_has_recovered_nothing_and_missed_nothing_yet(story):
    report = build_report(story.opened([("a", 1), ("b", 1)], objectives={"rto": "1m"}).did("a@h", took=5).events)
    for render in (render_text, render_markdown, render_html):
        assert "not yet (objective 1m)" in render(report).replace("\\", "")
        assert "recovered" not in render(report).partition("What was proven")[0]
    assert "| last change | 2026" in render_markdown(report)
    assert "last change" in render_html(report)
    assert {one.label for one in report.timeline if one.kind == "mark"} == {"declared"}


def test_a_change_with_nothing_before_or_after_it_says_so_in_words(story):
    changes = ({"what": "run", "after": "cp a b"}, {"what": "record", "before": "192.0.2.1"})
    story.opened([("a", 1)]).did("a@h", finding=unsatisfied("not there", changes=changes))
    made = render_html(build_report(story.say(RunClosed(status="succeeded")).events))
    assert "<li>run: → cp a b</li><li>record: 192.0.2.1 → nothing</li>" in made


def test_a_dry_run_ends_with_its_grade(story):
    story.opened([("a", 8)], mode="dry-run")
    for number in range(5):
        story.did(f"a@{number}", "unchanged", grade=Grade.PROVEN)
    story.did("a@5", "would-change", grade=Grade.SIMULATED).did("a@6", "unproven", grade=Grade.UNPROVEN)
    story.say(RunClosed(status="succeeded"))
    report = build_report(story.events)
    for render in (render_text, render_markdown, render_html):
        assert "62 % of the plan proven (1 simulated, 2 unproven)" in render(report)
    assert "[unproven]" in render_text(report)


def test_many_targets_are_folded_except_those_that_failed(story):
    story.opened([("a", 500)])
    for number in range(500):
        story.did(f"a@host{number}", "failed" if number in {7, 400} else "changed")
    text = render_text(build_report(story.events))
    assert "2 failed, 498 changed" in text
    assert "a@host7" in text
    assert "a@host400" in text
    assert "host8" not in text
    assert len(text.splitlines()) < 20


def test_tasks_of_a_loop_show_which_item_they_are(story):
    story.opened([("deploy", 3)])
    story.did("deploy[0]@h6").did("deploy[1]@h6").did("deploy[0]@h7")
    lines = [line.split()[:2] for line in render_text(build_report(story.events)).splitlines() if line[:2] == "  "]
    assert lines == [["changed", "h6[0]"], ["changed", "h6[1]"], ["changed", "h7[0]"]]


def test_a_big_run_draws_what_matters(story):
    story.opened([("a", 1000)])
    for number in range(1000):
        story.did(f"a@h{number}", "failed" if number == 500 else "changed", took=1)
    source = render_html(build_report(story.events))
    assert source.count("<rect") == 150
    assert "850 shorter ones" in source
    assert source.count('class="failed"') == 1


def test_a_run_that_just_began_can_be_rendered(story):
    story.opened([("a", 1)])
    for events in ([], story.events):
        report = build_report(events)
        for render in RENDERERS:
            assert render(report)
    assert "running" in render_html(build_report(story.events))


def test_a_chain_that_does_not_verify_is_said(failover):
    report = build_report(failover.events, verified=False)
    for render in (render_text, render_markdown, render_html):
        assert "DOES NOT VERIFY" in render(report)


def test_audit_lines_say_number_time_who_and_what(failover):
    lines = list(audit_lines(failover.events))
    assert len(lines) == len(failover.events)
    assert lines[0].split()[:4] == ["1", "2026-03-01T02:00:00.000000Z", "dana@laptop", "run.opened"]
    assert "restore@db2" in next(line for line in lines if "no snapshot" in line)
    assert "[runbook]@laptop" in lines[1]


def test_audit_lines_are_inert(story):
    story.opened([("a", 1)]).say(
        NoteAdded(text=HOSTILE + "\n     9  2026-01-01T00:00:00.000000Z  forged"), by=Actor(name=HOSTILE)
    )
    lines = list(audit_lines(story.events))
    assert len(lines) == 2
    assert not any(DANGEROUS.search(line) or "\n" in line for line in lines)


def test_earlier_attempts_are_not_forgotten(failover):
    assert "attempt 1: failed, no snapshot" in render_html(build_report(failover.events))


def test_marks_at_one_place_share_a_label(story):
    story.opened([("a", 1)]).did("a@h", took=100).say(RunClosed(status="succeeded"))
    assert "recovered, verified</text>" in render_html(build_report(story.events))


def _contrast(one, other):
    def light(colour):
        full = colour[1:] if len(colour) == 7 else "".join(sign * 2 for sign in colour[1:])
        parts = [int(full[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_graphs_words_can_be_read_in_the_light_and_in_the_dark():
    """WCAG 2: 4.5 for text, 3 for lines."""
    node = Node(id="a", name="a", action="x", targets="", gate=False, layer=0, critical=False)
    drawn = as_svg(StepGraph(runbook="r", title="", nodes=(node,), edges=()))
    light, dark = drawn.split("@media screen and (prefers-color-scheme:dark){")
    for style in (light, dark):
        rules = re.findall(r"\.graph ?([a-z. ]*)\{([^}]*)\}", style)
        fills = {name: fill for name, body in rules for fill in re.findall(r"(?:fill|background):(#[0-9a-f]+)", body)}
        boxes = [fills[name] for name in (".box", ".well", ".failed", ".blocked", ".waiting")]
        assert all(_contrast(fills[text], box) >= 4.5 for text in ("text", ".small") for box in boxes)
        edge = next(re.search(r"stroke:(#[0-9a-f]+)", body).group(1) for name, body in rules if name == ".edge")
        assert _contrast(edge, fills[""]) >= 3
