"""Runs a runbook of every kind of action and ends the engine at chosen journal writes; resumes it until it is done.

A process of its own: it imports everything once and forks an engine for each part of a run. Prints one JSON object a
line: what was killed when, and what the targets saw of it.
"""

import argparse
import itertools
import json
import os
import signal
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.fork_helper import import_all
from support.kill_stage import stage
from support.killing_journal import ENDS, KillingJournal, Silence
from support.recorded_ends import begun_again

from runbook_engine.app.answer import resolve_doubt
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.run_requests import ResumeRequest, RunRequest
from runbook_engine.app.run_runbook import resume_run, run_runbook
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.journals.address import open_journal
from runbook_engine.model.event import AttemptFinished

MOST_PARTS = 12


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--top", type=Path, required=True)
    parser.add_argument("--when", choices=["before", "after"], required=True)
    parser.add_argument("--pairs", action="store_true", help="two kills a run: every pair of writes")
    options = parser.parse_args()
    with stage(options.top) as made:
        os.environ.clear()
        os.environ.update(made.environment)
        os.chdir(made.root)
        project = open_project(made.root)
        prepare_plan(project, PlanRequest("everything"))
        import_all()
        untouched = Strike(project, made, frozenset(), options.when).carry_out()
        tell(untouched)
        # A part that is resumed writes more often: so many writes has a run that is killed after its last.
        writes = range(1, untouched["writes"] + 1)
        for at in itertools.combinations(writes, 2) if options.pairs else ((number,) for number in writes):
            tell(Strike(project, made, frozenset(at), options.when).carry_out())


def tell(result):
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


class Strike:
    """One run that is killed at some of its journal writes, resumed until it is done, and looked at."""

    def __init__(self, project, made, at, when):
        self.project, self.made, self.at, self.when = project, made, at, when
        name = f"{when}-{'-'.join(map(str, sorted(at)))}"
        folder = made.top / name
        folder.mkdir(mode=0o700)
        self.counter, self.error = folder / "writes", folder / "error"
        self.counter.write_text("0")
        self.url = f"sqlite:///{folder / 'journal.db'}"

    def carry_out(self):
        self.made.forget()
        kills, before, said = 0, [], []
        for _ in range(MOST_PARTS):
            status = self.part()
            if os.WIFSIGNALED(status):
                assert os.WTERMSIG(status) == signal.SIGKILL
                kills += 1
                self.made.wait_until_quiet()
                before = self.look(ended_well) or before
                if self.look(is_over):
                    break
                continue
            code = os.waitstatus_to_exitcode(status)
            if code != ENDS["waiting"]:
                break
            said += self.look(self.answer)
        return {
            "at": sorted(self.at),
            "kills": kills,
            "writes": int(self.counter.read_text()),
            "said": said,
            "error": self.error.read_text() if self.error.exists() else "",
            "seen": self.made.seen(),
            **self.look(lambda run, journal: self.verdict(run, journal, before)),
        }

    def part(self):
        """Fork an engine that runs (or resumes) as far as it can; gives its wait status."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = ENDS[self.engine()]
            except BaseException:  # noqa: BLE001 - a fork must never return into the code that forked it
                self.error.write_text(traceback.format_exc())
            finally:
                os._exit(code)
        return os.waitpid(child, 0)[1]

    def engine(self):
        inner = open_journal(self.url, project=self.made.root, create=True)
        journal = KillingJournal(inner, self.counter, self.at, self.when)
        tools = {"listener": Silence(), "interrupts": Interrupts()}
        heads = journal.runs(limit=1)
        if heads:
            return resume_run(self.project, ResumeRequest(heads[0].id), journal, **tools).end
        request = PlanRequest("everything")
        prepared = prepare_plan(self.project, request)
        return run_runbook(self.project, RunRequest(request), prepared, journal, **tools).end

    def look(self, at):
        """Open the journal for a moment; no connection may be open while an engine is forked."""
        journal = open_journal(self.url, project=self.made.root, create=True)
        try:
            heads = journal.runs(limit=1)
            return at(heads[0].id, journal) if heads else {}
        finally:
            journal.close()

    def answer(self, run, journal):
        """Do what a person does: look into the mail log, and say what became of the mail."""
        said = []
        for task, state in RunState(run, journal.read(run)).tasks.items():
            if state.phase is Phase.DOUBT:
                truth = "done" if self.made.mails() else "retry"
                resolve_doubt(self.project, journal, run, task, truth, reason="looked into the mail log")
                said.append(f"{truth} {task}")
        return said

    def verdict(self, run, journal, before):
        return {
            "status": journal.head(run).status,
            "damage": [str(damage) for damage in journal.verify()],
            "lost": [end for end in before if end not in ended_well(run, journal)],
            "again": begun_again(run, journal),
        }


def is_over(run, journal):
    return RunState(run, journal.read(run)).closed is not None


def ended_well(run, journal):
    """Name the ends that are recorded, with how they ended."""
    ends = (stored.event for stored in journal.read(run))
    return [[end.task, str(end.outcome)] for end in ends if isinstance(end, AttemptFinished) and end.outcome.ended_well]


if __name__ == "__main__":
    main()
