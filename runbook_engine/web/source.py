"""What pages are made from: the project and its journal, read through the use cases that the command line uses, too."""

from dataclasses import dataclass, field, replace

from runbook_engine.app.check_once import JournalCheck
from runbook_engine.app.live_report import LiveReports
from runbook_engine.app.project import OpenProject
from runbook_engine.app.usual_times import UsualTimes
from runbook_engine.ports.journal import Journal


@dataclass(frozen=True, slots=True)
class Source:
    """A project and its open journal; the journal is safe to use from several threads and is not a page's to close.

    Attributes:
        reports, usual: what was read of runs already, for all who look at them.
        check: the check of the whole journal, for all who ask for one.
    """

    project: OpenProject
    journal: Journal
    reports: LiveReports = field(default_factory=LiveReports)
    usual: UsualTimes = field(default_factory=UsualTimes)
    check: JournalCheck = field(default_factory=JournalCheck)

    def with_project(self, project: OpenProject) -> "Source":
        """Give the same with the project read anew."""
        return replace(self, project=project)
