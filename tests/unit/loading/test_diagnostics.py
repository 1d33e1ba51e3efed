"""Findings as text and in the formats that machines read."""

import json
import xml.etree.ElementTree as ET

import pytest

from runbook_engine.loading.diagnostic_formats import FORMATS, render
from runbook_engine.loading.diagnostics import code_frame, did_you_mean, in_order, render_text, summary
from runbook_engine.model.diagnostic import Diagnostic, Location, Severity
from runbook_engine.model.located import SourceMap
from runbook_engine.model.quoting import neutral, quoted
from runbook_engine.model.rules import RULES, diagnostic

SOURCES = SourceMap("f.yml", lines=["steps:", "\t- id: a", "x" * 500 + "HERE" + "y" * 500, "evil \x1b[31m\u202e text"])


def at(line, column=1, message="wrong", hint="", rule="RB104", file="f.yml"):
    return diagnostic(rule, Location(file=file, line=line, column=column), message, hint)


def test_the_caret_stands_below_its_column():
    frame = code_frame(at(2, 5, hint="do that"), SOURCES).split("\n")
    assert frame[0] == "  2 |  - id: a"
    assert frame[0][frame[1].index("^")] == "d"
    assert frame[2] == "  help: do that"


def test_a_long_line_is_cut_around_the_column():
    line, caret = code_frame(at(3, 501), SOURCES).split("\n")
    assert len(line) < 140
    assert line[caret.index("^") :].startswith("HERE")


def test_nothing_invisible_reaches_the_terminal():
    text = render_text([at(4, 6, message="bad \x1b]0;x\x07", hint="\u202e")], {"f.yml": SOURCES})
    assert neutral(text.replace("\n", "")) == text.replace("\n", "")
    assert "\\x1b[31m\\u202e" in text
    line, caret = code_frame(at(4, 6), SOURCES).split("\n")
    assert line[caret.index("^") :].startswith("\\x1b")


def test_a_place_outside_the_file_has_no_frame():
    assert code_frame(at(99), SOURCES) == ""
    assert code_frame(at(0, 0, hint="x"), SOURCES) == "  help: x"


def test_order_is_by_place_and_repeats_go():
    found = in_order([at(9), at(2, 7), at(2, 3), at(9), at(1, file="g.yml")])
    assert [(item.location.file, item.location.line, item.location.column) for item in found] == [
        ("f.yml", 2, 3), ("f.yml", 2, 7), ("f.yml", 9, 1), ("g.yml", 1, 1),
    ]  # fmt: skip


def test_summary():
    assert summary([at(1), at(2), at(3, rule="RB016")]) == "2 errors, 1 warning"
    assert summary([]) == ""


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("tiemout", 'did you mean "timeout"?'),
        ("TIMEOUT", 'did you mean "timeout"?'),
        ("max-failures", 'did you mean "max_failures"?'),
        ("zzz", ""),
        ("x" * 10_000, ""),
    ],
)
def test_suggestions(word, expected):
    assert did_you_mean(word, ["timeout", "targets", "max_failures"]) == expected


def test_quoting_shortens_and_neutralises():
    assert quoted("a\nb") == '"a\\x0ab"'
    assert len(quoted("x" * 1000)) < 70


def test_github_escapes_what_would_end_the_command():
    line = render([at(3, 4, message="100% \n::error::x", file="a,b:c.yml")], {}, output_format="github")
    assert line == "::error file=a%2Cb%3Ac.yml,line=3,col=4,title=RB104::100%25 \\x0a::error::x"


def test_json():
    rows = json.loads(render([at(2, 3, hint="h", rule="RB016")], {}, output_format="json"))
    assert rows == [
        {
            "rule": "RB016",
            "severity": "warning",
            "message": "wrong",
            "hint": "h",
            "file": "f.yml",
            "line": 2,
            "column": 3,
        }
    ]


def test_sarif():
    log = json.loads(render([at(2, 3), at(0, 0)], {}, output_format="sarif"))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["RB104"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert places == [
        {"artifactLocation": {"uri": "f.yml"}},
        {"artifactLocation": {"uri": "f.yml"}, "region": {"startLine": 2, "startColumn": 3}},
    ]


def test_sarif_names_files_by_uris_from_the_repository_s_root():
    odd = at(2, 3).model_copy(update={"location": Location(file="a b:%0A\udcff<é>.yml", line=2, column=3)})
    log = json.loads(render([odd], {}, output_format="sarif", folder="ops/dr"))
    (result,) = log["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "ops/dr/a%20b%3A%250A%FF%3C%C3%A9%3E.yml"
    assert render([at(2, 3)], {}, output_format="github", folder="ops/dr").startswith(
        "::error file=ops/dr/f.yml,line=2"
    )


def test_strict_junit_fails_for_warnings():
    found = [at(3, rule="RB016")]
    assert 'failures="0"' in render(found, {}, output_format="junit")
    assert 'failures="1"' in render(found, {}, output_format="junit", strict=True)


def test_junit_is_xml_whatever_the_file_says():
    found = [at(2, 3, message='<]]> & "\x00\x1b'), at(3, rule="RB016")]
    suite = ET.fromstring(render(found, {}, output_format="junit", files=["f.yml", "good.yml"]))
    assert suite.attrib == {"name": "runbook validate", "tests": "2", "failures": "1"}
    bad, good = suite
    assert "RB104" in bad.find("failure").text
    assert "RB016" in bad.find("system-out").text
    assert len(good) == 0


def test_every_format_takes_no_findings():
    for output_format in FORMATS:
        assert isinstance(render([], {}, output_format=output_format), str)
    with pytest.raises(ValueError, match="unknown format"):
        render([], {}, output_format="html")


def test_every_rule_has_a_page_with_examples():
    for name, rule in RULES.items():
        assert name == rule.id
        assert rule.title
        if name < "RB200" or "RB400" <= name < "RB410":
            assert "Bad:" in rule.text, name
            assert "Good:" in rule.text, name


def test_the_rule_decides_the_severity():
    assert at(1, rule="RB016").severity is Severity.WARNING
    assert isinstance(at(1), Diagnostic)
