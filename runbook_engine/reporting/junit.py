"""The report as JUnit XML, which every CI server can show: a suite per step, a case per task."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from runbook_engine.model.event_readiness import ReadinessAssessed
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.readiness import Area, Level
from runbook_engine.model.report import RunReport
from runbook_engine.model.report_tasks import (
    StepReport,
    TaskReport,
)
from runbook_engine.reporting import words
from runbook_engine.reporting.inert import visible

_FAILED = {Outcome.FAILED, Outcome.UNREACHABLE}
# What was not done, or not proven, must not look like a test that passed.
_SKIPPED = {Outcome.SKIPPED, Outcome.BLOCKED, Outcome.UNPROVEN}


def render_junit(report: RunReport) -> str:
    """Give the report as JUnit XML; a task in doubt is an error, one that never ended is skipped."""
    root = Element("testsuites", name=visible(report.runbook or report.run), time=f"{report.seconds:.3f}")
    totals = [0, 0, 0, 0]
    for step in report.steps:
        suite = SubElement(root, "testsuite", name=visible(step.id))
        if report.opened_at is not None:
            suite.set("timestamp", report.opened_at.strftime("%Y-%m-%dT%H:%M:%S"))
        numbers = _fill(suite, report, step)
        for name, number in zip(("tests", "failures", "errors", "skipped"), numbers, strict=True):
            suite.set(name, str(number))
        suite.set("time", f"{sum(task.seconds for task in step.tasks):.3f}")
        totals = [total + number for total, number in zip(totals, numbers, strict=True)]
    if report.readiness is not None:
        totals = [total + number for total, number in zip(totals, _readiness(root, report.readiness), strict=True)]
    for name, number in zip(("tests", "failures", "errors", "skipped"), totals, strict=True):
        root.set(name, str(number))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _readiness(root: Element, found: ReadinessAssessed) -> tuple[int, int, int, int]:
    """Add a suite of what was found besides the steps' own checks: what is missing failed, the rest was not proven."""
    findings = [one for one in found.findings if one.area is not Area.STEP]
    suite = SubElement(root, "testsuite", name="readiness", time="0")
    failures = sum(one.level is Level.MISSING for one in findings)
    for one in findings:
        case = SubElement(suite, "testcase", classname=f"readiness.{one.area.value}", name=visible(one.what), time="0")
        if one.level is Level.MISSING:
            SubElement(case, "failure", message=visible(one.text), type="missing").text = visible(one.hint)
        else:
            SubElement(case, "skipped", message=visible(one.text))
    numbers = len(findings), failures, 0, len(findings) - failures
    for name, number in zip(("tests", "failures", "errors", "skipped"), numbers, strict=True):
        suite.set(name, str(number))
    return numbers


def _fill(suite: Element, report: RunReport, step: StepReport) -> tuple[int, int, int, int]:
    """Add the step's cases and count them: all, failures, errors, skipped."""
    classname = visible(f"{report.runbook}.{step.id}")
    for task in step.tasks:
        case = SubElement(suite, "testcase", classname=classname, name=visible(task.id), time=f"{task.seconds:.3f}")
        _judge(case, task)
        for stream, text in task.captured.items():
            SubElement(case, "system-err" if stream == "stderr" else "system-out").text = visible(text)
    unseen = step.planned - len(step.tasks)
    for number in range(unseen):
        case = SubElement(
            suite, "testcase", classname=classname, name=f"{visible(step.id)} (not begun {number + 1})", time="0"
        )
        SubElement(case, "skipped", message="not begun")
    found = [len(suite.findall(f"testcase/{name}")) for name in ("failure", "error", "skipped")]
    return step.planned, found[0], found[1], found[2]


def _judge(case: Element, task: TaskReport) -> None:
    told = visible(words.why(task))
    if task.state == "in-doubt":
        SubElement(case, "error", message=told or "nobody knows how it ended", type="in-doubt").text = told
    elif task.state != "ended" or task.outcome is None:
        SubElement(case, "skipped", message=task.state)
    elif task.drift is not None:
        text = visible(task.drift.summary) or "not as the run left it"
        SubElement(case, "failure", message=text, type="drifted").text = text
    elif task.outcome in _FAILED:
        SubElement(case, "failure", message=told, type=task.outcome.value).text = told
    elif task.outcome in _SKIPPED:
        SubElement(case, "skipped", message=f"{task.outcome.value}: {told}")
