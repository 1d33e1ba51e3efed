"""A project whose runbooks are run in this process, and people who look at it."""

from pathlib import Path

from runbook_engine.app.answer import answer_gate
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.run_requests import ResumeRequest, RunRequest
from runbook_engine.app.run_runbook import resume_run, run_runbook
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer
from support.dashboard_project import make_project

DANA = Viewer("dana", "Dana Example", ("director",), "csrf-of-dana", may_act=True)
ELI = Viewer("eli", "Eli Example", ("engineering",), "csrf-of-eli", may_act=True)
LEE = Viewer("lee", "Lee Example", (), "csrf-of-lee")


class Quiet:
    def event(self, stored) -> None:
        """Not shown."""

    def progress(self, progress) -> None:
        """Not shown."""

    def warning(self, text) -> None:
        """Not shown."""


class Stage:
    """A project, and its runbooks run and resumed in this process."""

    def __init__(self, root: Path) -> None:
        self.root = make_project(root)
        self.project = open_project(root)
        self.journal = self.project.journal(create=True)
        self.source = Source(self.project, self.journal)

    def run(self, name: str, **more) -> str:
        request = RunRequest(PlanRequest(name), **more)
        plan = prepare_plan(self.project, request.plan)
        return run_runbook(self.project, request, plan, self.journal, listener=Quiet(), interrupts=Interrupts()).run

    def resume(self, run: str) -> None:
        resume_run(self.project, ResumeRequest(run), self.journal, listener=Quiet(), interrupts=Interrupts())

    def approve(self, run: str, task: str = "declare") -> None:
        answer_gate(self.project, self.journal, run, task, approve=True, reason="so it is", person="dana")
