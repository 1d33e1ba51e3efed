"""Runs region-failover against a lab of its own and ends the engine at every journal write, one write a time.

A process of its own: it imports everything once and forks an engine for each part of a run, so that a whole run takes
about two seconds. Prints one JSON object a line: what was killed when, and what the target's side shows at the end.
"""

import argparse
import json
import os
import signal
import sys
import traceback
from pathlib import Path

from runbook_engine.app.answer import answer_gate, resolve_doubt
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.run_requests import ResumeRequest, RunRequest
from runbook_engine.app.run_runbook import resume_run, run_runbook
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.journals.address import open_journal

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "demo"), str(ROOT / "tests")]

from stage import environment_for  # noqa: E402 - the demo's folder is no package
from support.fork_helper import import_all  # noqa: E402 - nor is that of the tests
from support.killing_journal import ENDS, KillingJournal, Silence  # noqa: E402
from support.recorded_ends import ended_well, kept  # noqa: E402
from support.rehearsal_lab import (  # noqa: E402
    deploy_lines,
    mails,
    requests,
    restore_lab,
    running_lab,
    target_side,
)

PARTS = 12


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--when", choices=["before", "after"], required=True)
    parser.add_argument("--only", type=int, help="just this write")
    options = parser.parse_args()
    with running_lab(options.state / "lab") as lab:
        environment = environment_for(lab, options.state)
        os.environ.clear()
        os.environ.update(environment)
        addresses, fast = options.state / "lab" / "inventory.yml", options.state / "fast.yml"
        fast.write_text('all: {vars: {poll: "0.05s"}}\n')
        os.chdir(ROOT)
        project = open_project(ROOT)
        warm(project)
        point = 0 if options.only is None else options.only - 1
        killed = True
        while killed:
            point += 1
            strike = Strike(project, lab, options.state, (str(addresses), str(fast)), point, options.when)
            result = strike.carry_out()
            killed = result["killed"] and options.only is None
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()


def warm(project):
    """Import now what an engine imports when it is first used, so that no fork has to."""
    import_all()
    prepare_plan(project, PlanRequest("region-failover", ("demo",), ("incident=OPS-1042",)))


class Strike:
    """One run of the demo that is killed at one journal write, resumed until it is done, and looked at."""

    def __init__(self, project, lab, state, sources, point, when):
        self.project, self.lab, self.sources = project, lab, sources
        self.point, self.when = point, when
        self.folder = state / f"{when}-{point}"
        self.folder.mkdir(mode=0o700)
        self.counter = self.folder / "writes"
        self.counter.write_text("0")
        self.url = f"sqlite:///{self.folder / 'journal.db'}"

    def carry_out(self):
        restore_lab(self.lab)
        since = len(requests(self.lab))
        killed, ended_before, said = False, {}, []
        for _ in range(PARTS):
            status = self.part()
            if os.WIFSIGNALED(status):
                assert os.WTERMSIG(status) == signal.SIGKILL
                killed = True
                ended_before = self.look(ended_well)
                if self.look(is_over):
                    break
            code = -1 if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)
            if code in {0, ENDS["failed"], 1}:
                break
            if code == ENDS["waiting"]:
                said += self.look(self.answer)
        return {
            "point": self.point,
            "killed": killed,
            "writes": int(self.counter.read_text()),
            "said": said,
            "error": (self.folder / "error").read_text() if (self.folder / "error").exists() else "",
            **self.look(lambda run, journal: self.target_side(run, journal, since)),
            **self.look(lambda run, journal: kept(run, journal, ended_before)),
        }

    def part(self):
        """Fork an engine that runs (or resumes) as far as it can; gives its wait status."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = ENDS[self.engine()]
            except BaseException:  # noqa: BLE001 - a fork must never return into the code that forked it
                (self.folder / "error").write_text(traceback.format_exc())
            finally:
                os._exit(code)
        return os.waitpid(child, 0)[1]

    def engine(self):
        project = self.project
        inner = open_journal(self.url, project=ROOT, create=True)
        journal = KillingJournal(inner, self.counter, frozenset({self.point}), self.when)
        heads = journal.runs(limit=1)
        tools = {"listener": Silence(), "interrupts": Interrupts()}
        if heads:
            return resume_run(project, ResumeRequest(heads[0].id), journal, **tools).end
        manifest = json.loads(self.lab.snapshot_manifest.read_bytes())["content_sha256"]
        given = ("incident=OPS-1042", f"manifest_sha256={manifest}")
        request = PlanRequest("region-failover", ("demo", *self.sources), given)
        return run_runbook(project, RunRequest(request), prepare_plan(project, request), journal, **tools).end

    def look(self, at):
        """Open the journal for a moment; no connection may be open while an engine is forked."""
        journal = open_journal(self.url, project=ROOT, create=True)
        try:
            heads = journal.runs(limit=1)
            return at(heads[0].id, journal) if heads else {}
        finally:
            journal.close()

    def answer(self, run, journal):
        """Do what the people do: approve the gate, and look what became of a mail in doubt."""
        project, said = self.project, []
        for task, state in RunState(run, journal.read(run)).tasks.items():
            if state.phase is Phase.GATE:
                answer_gate(project, journal, run, task, approve=True, reason="drill", person="dana")
                said.append(f"approve {task}")
            elif state.phase is Phase.DOUBT:
                step = task.partition("@")[0]
                truth = "done" if any(f".{step}." in mail["message_id"] for mail in mails(self.lab, run)) else "retry"
                resolve_doubt(project, journal, run, task, truth, reason="looked into the mail log", person="sam")
                said.append(f"{truth} {task}")
        return said

    def target_side(self, run, journal, since):
        """Say what the cloud, the hosts, the name server and the mail server know of the run."""
        standby = {name: app for name, app in self.lab.apps.items() if app.region == self.lab.standby_region}
        return {
            "status": journal.head(run).status,
            "damage": [str(damage) for damage in journal.verify()],
            "deployments": {name: deploy_lines(app.dir) for name, app in standby.items()},
            **target_side(self.lab, run, since),
        }


def is_over(run, journal):
    return RunState(run, journal.read(run)).closed is not None


if __name__ == "__main__":
    main()
