"""Many people answer one question at the same moment, from processes of their own: one is accepted, and all else agrees."""

import multiprocessing
import threading
from pathlib import Path

import pytest
from support.dashboard_stage import Quiet

from runbook_engine.app.answer import AnsweredAlreadyError, answer_gate
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.run_requests import ResumeRequest, RunRequest
from runbook_engine.app.run_runbook import resume_run, run_runbook
from runbook_engine.app.steer import decide, order_run
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.execution.state import RunState
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.event import GateApproved, GateDeclined, HoldResolved, RunPaused
from runbook_engine.reporting.run_fold import RunFold

PEOPLE = [f"p{number}" for number in range(6)]
TEAM = "roles: {director: {}}\npeople:\n" + "".join(
    f"  {name}: {{name: {name.upper()}, roles: [director]}}\n" for name in PEOPLE
)
HELD = """
runbook: held
steps:
  - id: deploy
    on_failure: hold
    command.run: {argv: [sh, -c, "echo x >> %(root)s/tried; test $(wc -l < %(root)s/tried) -gt 1"]}
  - {id: after, needs: [deploy], command.run: {argv: ["true"]}}
"""
GATED = """
runbook: gated
steps:
  - {id: declare, gate.approval: {roles: [director]}}
  - {id: after, needs: [declare], command.run: {argv: ["true"]}}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "inventories").mkdir()
    (tmp_path / "runbook.toml").write_text('inventory = "inventories/here.yml"\n')
    (tmp_path / "inventories" / "here.yml").write_text("all: {vars: {ansible_connection: local}}\n")
    (tmp_path / "team.yml").write_text(TEAM)
    (tmp_path / "runbooks" / "held.yml").write_text(HELD % {"root": tmp_path})
    (tmp_path / "runbooks" / "gated.yml").write_text(GATED)
    return open_project(tmp_path)


def run(project, journal, name):
    request = RunRequest(PlanRequest(name))
    plan = prepare_plan(project, request.plan)
    return run_runbook(project, request, plan, journal, listener=Quiet(), interrupts=Interrupts()).run


def speak(root, what, run_id, number, begin, said):
    """Answer as one of the people, from a process of their own, at the same moment as the others."""
    project = open_project(Path(root))
    journal, person = project.journal(), PEOPLE[number]
    begin.wait(120)
    try:
        if what == "hold":
            decide(project, journal, run_id, "deploy", ["skip", "retry"][number % 2], reason=person, person=person)
        elif what == "pause":
            order_run(project, journal, run_id, "pause", reason=person, person=person)
        else:
            answer_gate(project, journal, run_id, "declare", approve=number % 2 == 0, reason=person, person=person)
        said.put((person, "accepted"))
    except (InvalidInputError, AnsweredAlreadyError) as error:
        said.put((person, f"{int(error.exit_code)} {error.message}"))
    finally:
        journal.close()


def all_at_once(project, what, run_id):
    """Give what each was told."""
    spawn = multiprocessing.get_context("spawn")
    begin, said = spawn.Barrier(len(PEOPLE)), spawn.Queue()
    speakers = [
        spawn.Process(target=speak, args=(str(project.root), what, run_id, number, begin, said))
        for number in range(len(PEOPLE))
    ]
    for one in speakers:
        one.start()
    told = dict(said.get(timeout=180) for _ in speakers)
    for one in speakers:
        one.join(60)
    return told


@pytest.mark.parametrize(
    ("name", "what", "kinds"),
    [("held", "hold", HoldResolved), ("gated", "gate", GateApproved | GateDeclined), ("held", "pause", RunPaused)],
)
def test_one_is_accepted_and_fold_run_and_report_agree(project, name, what, kinds):
    journal = project.journal(create=True)
    run_id = run(project, journal, name)
    told = all_at_once(project, what, run_id)
    (winner,) = [person for person, word in told.items() if word == "accepted"]
    assert all(word.startswith(("3 ", "1 ")) for person, word in told.items() if person != winner), told
    (stored,) = [one for one in journal.read(run_id) if isinstance(one.event, kinds)]
    assert stored.actor.name == winner
    if what != "pause":
        resume_run(project, ResumeRequest(run_id), journal, listener=Quiet(), interrupts=Interrupts())
        state, report = RunState(run_id, journal.read(run_id)), RunFold()
        for one in journal.read(run_id):
            report.follow(one)
        ended = {task: str(one.outcome) for task, one in state.tasks.items()}
        assert {task: str(one.outcome) for task, one in report.tasks.items()} == ended
        assert state.closed.counts == report.closed.counts
        if what == "hold":
            tries = 1 if stored.event.decision == "skip" else 2
            assert (project.root / "tried").read_text().split() == ["x"] * tries
            assert state.closed.status == "succeeded"
        else:
            good = isinstance(stored.event, GateApproved)
            assert state.closed.status == ("succeeded" if good else "failed")
    assert journal.verify() == []
    journal.close()


def test_a_live_run_follows_the_one_that_was_accepted(project):
    """The run goes on in a thread here (it waits), while processes decide about it."""
    journal = project.journal(create=True)
    request = RunRequest(PlanRequest("held"), wait=True)
    plan = prepare_plan(project, request.plan)
    held = threading.Event()

    class Listens(Quiet):
        def event(self, stored):
            if stored.event.kind == "hold.opened":
                held.set()

    results = []
    runs = threading.Thread(
        target=lambda: results.append(
            run_runbook(project, request, plan, journal, listener=Listens(), interrupts=Interrupts())
        )
    )
    runs.start()
    assert held.wait(120)
    run_id = journal.runs(limit=1)[0].id
    told = all_at_once(project, "hold", run_id)
    runs.join(120)
    (winner,) = [person for person, word in told.items() if word == "accepted"]
    (said,) = [one.event for one in journal.read(run_id) if isinstance(one.event, HoldResolved)]
    assert said.reason == winner
    assert (project.root / "tried").read_text().split() == ["x"] * (1 if said.decision == "skip" else 2)
    assert RunState(run_id, journal.read(run_id)).closed.status == "succeeded"
    assert results
    journal.close()
