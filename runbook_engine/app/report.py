"""The use case `report`: what a run did, as a value and in every format."""

from collections.abc import Mapping

from runbook_engine.model.report import RunReport
from runbook_engine.ports.journal import Journal
from runbook_engine.reporting.build import build_report

FORMATS = ("html", "md", "json", "junit")


def make_report(journal: Journal, run: str, *, verify: bool = False) -> RunReport:
    """Build the report of a run, finished or not.

    Args:
        verify: check the run's chain, too, and say so in the report.
    """
    verified = not journal.verify(run) if verify else None

    def outputs(task: str, number: int) -> Mapping[str, bytes]:
        return journal.output(run, task, number)

    return build_report(journal.read(run), outputs=outputs, verified=verified)


def render_report(report: RunReport, form: str) -> str:
    """Write a report in one of `FORMATS`.

    Raises:
        ValueError: no such format.
    """
    match form:
        case "html":
            from runbook_engine.reporting.html import render_html

            return render_html(report)
        case "md":
            from runbook_engine.reporting.markdown import render_markdown

            return render_markdown(report)
        case "junit":
            from runbook_engine.reporting.junit import render_junit

            return render_junit(report)
        case "json":
            return report.model_dump_json(indent=2)
        case _:
            raise ValueError(f"unknown format {form}; one of {', '.join(FORMATS)}")


def report_text(report: RunReport) -> str:
    """Give the summary for a terminal."""
    from runbook_engine.reporting.text import render_text

    return render_text(report)
