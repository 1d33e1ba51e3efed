"""Writes findings for machines: JSON, GitHub annotations, SARIF 2.1.0 and JUnit XML."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial

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
    folder: str = "",
    strict: bool = False,
) -> str:
    """Give findings in one of `FORMATS`.

    Args:
        diagnostics: the findings.
        sources: what `text` shows lines from, by file name.
        output_format: one of `FORMATS`.
        files: every file that was looked at; JUnit lists those without findings as passed.
        folder: the project's folder, seen from the root of the repository: GitHub and code scanning show findings at
            files that are named from there.
        strict: warnings fail a JUnit case, too.

    Raises:
        ValueError: no such format.
    """
    found = in_order(diagnostics)
    if output_format == "junit":
        return render_junit(found, files, strict=strict)
    if output_format == "text":
        return render_text(found, sources)
    writers: dict[str, Callable[[list[Diagnostic]], str]] = {
        "json": render_json,
        "github": partial(render_github, folder=folder),
        "sarif": partial(render_sarif, folder=folder),
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


def render_github(diagnostics: list[Diagnostic], folder: str = "") -> str:
    """Give one workflow command a finding, which GitHub shows at the line of a pull request."""
    return "\n".join(_github_line(found, folder) for found in diagnostics)


def render_sarif(diagnostics: list[Diagnostic], folder: str = "") -> str:
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
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_sarif_result(found, folder) for found in diagnostics],
            }
        ],
    }
    return json.dumps(log, indent=2)


def render_junit(diagnostics: list[Diagnostic], files: Iterable[str] = (), *, strict: bool = False) -> str:
    """Give a JUnit report: a case a file, failed when it has errors; warnings stand in its output.

    Args:
        strict: warnings fail a case, too.
    """
    by_file: dict[str, list[Diagnostic]] = {file: [] for file in files}
    for found in diagnostics:
        by_file.setdefault(found.location.file, []).append(found)
    cases = [_junit_case(file, found, strict=strict) for file, found in by_file.items()]
    failures = sum(case.count("<failure ") for case in cases)
    head = f'<testsuite name="runbook validate" tests="{len(cases)}" failures="{failures}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *cases, "</testsuite>"])


def _github_line(found: Diagnostic, folder: str) -> str:
    location = found.location
    place = f"file={_github_property(_from_the_root(location.file, folder))}"
    if location.line:
        place += f",line={location.line},col={location.column}"
    text = f"{found.message} ({found.hint})" if found.hint else found.message
    return f"::{found.severity.value} {place},title={found.rule}::{_github_data(neutral(text))}"


def _github_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")


def _from_the_root(file: str, folder: str) -> str:
    """Name a file of the project from the repository's root; what is named absolutely stays."""
    return f"{folder}/{file}" if folder and not file.startswith("/") else file


def _sarif_result(found: Diagnostic, folder: str) -> dict[str, object]:
    from urllib.parse import quote  # which other formats don't need

    name = _from_the_root(found.location.file, folder).encode("utf-8", "surrogateescape")
    place: dict[str, object] = {"artifactLocation": {"uri": quote(name)}}
    if found.location.line:
        place["region"] = {"startLine": found.location.line, "startColumn": max(found.location.column, 1)}
    text = f"{found.message}. {found.hint}" if found.hint else found.message
    return {
        "ruleId": found.rule,
        "level": found.severity.value,
        "message": {"text": neutral(text)},
        "locations": [{"physicalLocation": place}],
    }


def _junit_case(file: str, diagnostics: list[Diagnostic], *, strict: bool) -> str:
    """Write one file's case; XML can't hold control characters, so all text is neutralised first."""
    from xml.sax.saxutils import quoteattr  # which imports urllib, and other formats need neither

    errors = [found for found in diagnostics if strict or found.severity is Severity.ERROR]
    warnings = [found for found in diagnostics if found not in errors]
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
