"""The use case `report`: what a run did, as a value and in every format."""

from collections.abc import Mapping

from runbook_engine.model.outcome import Mode
from runbook_engine.model.report import RunReport
from runbook_engine.ports.journal import Journal
from runbook_engine.reporting.build import build_report
from runbook_engine.reporting.text import FOLD_ABOVE

_BIG = 2000  # events
FORMATS = ("html", "md", "json", "junit")


def make_report(journal: Journal, run: str, *, verify: bool = False) -> RunReport:
    """Build the report of a run, finished or not.

    Args:
        verify: check the run's chain, too, and say so in the report.
    """
    # Looked at before the events: whoever ends the run meanwhile is in these.
    advanced = journal.lease(f"run:{run}") is not None
    verified = not journal.verify(run) if verify else None

    def outputs(task: str, number: int) -> Mapping[str, bytes]:
        return journal.output(run, task, number)

    return build_report(journal.read(run), outputs=outputs, verified=verified, advanced=advanced)


def make_summary(journal: Journal, run: str) -> RunReport:
    """Build the report of a run for a summary; of a big run that is over only what the summary tells.

    Tasks that ended well in steps on many targets are counted then, not told: it need not be known of each of them.
    """
    head = journal.head(run)
    if head is None or head.status == "open" or head.mode == Mode.DRY_RUN.value or head.events < _BIG:
        return make_report(journal, run)
    tally = journal.tally(run, few=FOLD_ABOVE, by_target=True)
    return build_report(tally.events, well=tally.well, targets=tally.targets, whole=False)


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


def render_comparison(first: RunReport, second: RunReport, form: str) -> str:
    """Write two runs side by side, as `md` or `json`."""
    from runbook_engine.reporting.compare import compare, comparison_markdown

    made = compare(first, second)
    return made.model_dump_json(indent=2) if form == "json" else comparison_markdown(made)


def report_text(report: RunReport, *, width: int = 100) -> str:
    """Give the summary for a terminal of so many columns."""
    from runbook_engine.reporting.text import render_text

    return render_text(report, width=width)
