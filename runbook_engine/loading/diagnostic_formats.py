"""Writes findings for machines: JSON, GitHub annotations, SARIF 2.1.0 and JUnit XML."""

import json
from collections.abc import Callable, Iterable, Mapping

from runbook_engine.loading.diagnostics import in_order, render_text
from runbook_engine.model.diagnostic import Diagnostic, Severity
from runbook_engine.model.located import SourceMap
from runbook_engine.model.quoting import neutral
from runbook_engine.model.rules import RULES

FORMATS = ("text", "json", "github", "sarif", "junit")


def render(
    diagnostics: Iterable[Diagnostic],
    sources: Mapping[str, SourceMap],
    *,
    output_format: str,
    files: Iterable[str] = (),
) -> str:
    """Give findings in one of `FORMATS`.

    Args:
        diagnostics: the findings.
        sources: what `text` shows lines from, by file name.
        output_format: one of `FORMATS`.
        files: every file that was looked at; JUnit lists those without findings as passed.

    Raises:
        ValueError: no such format.
    """
    found = in_order(diagnostics)
    if output_format == "junit":
        return render_junit(found, files)
    if output_format == "text":
        return render_text(found, sources)
    writers: dict[str, Callable[[list[Diagnostic]], str]] = {
        "json": render_json,
        "github": render_github,
        "sarif": render_sarif,
    }
    if output_format not in writers:
        raise ValueError(f"unknown format {output_format}; one of {', '.join(FORMATS)}")
    return writers[output_format](found)


def render_json(diagnostics: list[Diagnostic]) -> str:
    """Give a JSON list of findings with rule, severity, message, hint, file, line and column."""
    rows = [
        {
            "rule": found.rule,
            "severity": found.severity.value,
            "message": found.message,
            "hint": found.hint,
            "file": found.location.file,
            "line": found.location.line,
            "column": found.location.column,
        }
        for found in diagnostics
    ]
    return json.dumps(rows, indent=2)


def render_github(diagnostics: list[Diagnostic]) -> str:
    """Give one workflow command a finding, which GitHub shows at the line of a pull request."""
    return "\n".join(_github_line(found) for found in diagnostics)


def render_sarif(diagnostics: list[Diagnostic]) -> str:
    """Give a SARIF 2.1.0 log for code scanning."""
    rules = [RULES[rule] for rule in sorted({found.rule for found in diagnostics}) if rule in RULES]
    driver = {
        "name": "runbook",
        "rules": [
            {"id": rule.id, "shortDescription": {"text": rule.title}, "help": {"text": rule.text}} for rule in rules
        ],
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_sarif_result(found) for found in diagnostics]}],
    }
    return json.dumps(log, indent=2)


def render_junit(diagnostics: list[Diagnostic], files: Iterable[str] = ()) -> str:
    """Give a JUnit report: a case a file, failed when it has errors; warnings stand in its output."""
    by_file: dict[str, list[Diagnostic]] = {file: [] for file in files}
    for found in diagnostics:
        by_file.setdefault(found.location.file, []).append(found)
    cases = [_junit_case(file, found) for file, found in by_file.items()]
    failures = sum(case.count("<failure ") for case in cases)
    head = f'<testsuite name="runbook validate" tests="{len(cases)}" failures="{failures}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *cases, "</testsuite>"])


def _github_line(found: Diagnostic) -> str:
    location = found.location
    place = f"file={_github_property(location.file)}"
    if location.line:
        place += f",line={location.line},col={location.column}"
    text = f"{found.message} ({found.hint})" if found.hint else found.message
    return f"::{found.severity.value} {place},title={found.rule}::{_github_data(neutral(text))}"


def _github_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")


def _sarif_result(found: Diagnostic) -> dict[str, object]:
    place: dict[str, object] = {"artifactLocation": {"uri": found.location.file}}
    if found.location.line:
        place["region"] = {"startLine": found.location.line, "startColumn": max(found.location.column, 1)}
    text = f"{found.message}. {found.hint}" if found.hint else found.message
    return {
        "ruleId": found.rule,
        "level": found.severity.value,
        "message": {"text": neutral(text)},
        "locations": [{"physicalLocation": place}],
    }


def _junit_case(file: str, diagnostics: list[Diagnostic]) -> str:
    """Write one file's case; XML can't hold control characters, so all text is neutralised first."""
    from xml.sax.saxutils import quoteattr  # which imports urllib, and other formats need neither

    errors = [found for found in diagnostics if found.severity is Severity.ERROR]
    warnings = [found for found in diagnostics if found.severity is Severity.WARNING]
    body = ""
    if errors:
        message = f"{errors[0].rule}: {errors[0].message}"
        body += f"<failure message={quoteattr(neutral(message))}>{_junit_text(errors)}</failure>"
    if warnings:
        body += f"<system-out>{_junit_text(warnings)}</system-out>"
    return f'  <testcase classname="runbook" name={quoteattr(neutral(file))}>{body}</testcase>'


def _junit_text(diagnostics: list[Diagnostic]) -> str:
    from xml.sax.saxutils import escape

    return escape("\n".join(neutral(f"{found.location}: {found.rule}: {found.message}") for found in diagnostics))
