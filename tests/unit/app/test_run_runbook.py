"""Running and resuming, as the command line does it, without the command line."""

from pathlib import Path

import pytest

from runbook_engine.app.answer import AnswerRefusedError, answer_gate
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.run_requests import ResumeRequest, RunRequest
from runbook_engine.app.run_runbook import resume_run, run_runbook
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.execution.state import RunState
from runbook_engine.journals.holder import this_process
from runbook_engine.model.errors import InvalidInputError, LeaseError, UsageError
from runbook_engine.model.outcome import Mode

GATED = """
runbook: gated
steps:
  - {id: go, gate.approval: {roles: [director], message: "go?"}}
  - {id: after, needs: [go], assert.that: {that: [true]}}
"""
TEAM = """
roles: {director: {}}
people: {dana: {name: Dana, roles: [director]}, eli: {name: Eli}}
"""


class Quiet:
    def event(self, stored) -> None:
        """Not shown."""

    def progress(self, progress) -> None:
        """Not shown."""

    def warning(self, text) -> None:
        raise AssertionError(text)


@pytest.fixture
def project(tmp_path: Path):
    (tmp_path / "runbook.toml").write_text("")
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "team.yml").write_text(TEAM)
    (tmp_path / "runbooks" / "gated.yml").write_text(GATED)
    return open_project(tmp_path)


@pytest.fixture
def journal(project):
    journal = project.journal(create=True)
    yield journal
    journal.close()


def run(project, journal, *, name: str = "gated", **more):
    request = RunRequest(PlanRequest(name), **more)
    return run_runbook(
        project, request, prepare_plan(project, request.plan), journal, listener=Quiet(), interrupts=Interrupts()
    )


def resume(project, journal, run_id: str, **more):
    return resume_run(project, ResumeRequest(run_id, **more), journal, listener=Quiet(), interrupts=Interrupts())


def test_a_run_waits_is_approved_and_goes_on(project, journal):
    first = run(project, journal)
    assert first.end == "waiting"
    answer_gate(project, journal, first.run, "go", approve=True, person="dana")
    assert resume(project, journal, first.run).end == "succeeded"
    with pytest.raises(UsageError, match="succeeded"):
        resume(project, journal, first.run)


def test_an_approval_that_comes_while_the_run_is_being_resumed_counts(project, journal):
    first = run(project, journal)

    class Late:
        """A journal into which the director speaks between the reading of the events and the taking of the lease."""

        def take_lease(self, name, *arguments, **keywords):
            if name.startswith("run:"):
                answer_gate(project, journal, first.run, "go", approve=True, person="dana")
            return journal.take_lease(name, *arguments, **keywords)

        def __getattr__(self, name):
            return getattr(journal, name)

    assert resume(project, Late(), first.run).end == "succeeded"


def test_a_run_that_was_read_before_is_not_read_again_and_what_was_said_since_counts(project, journal):
    first = run(project, journal)
    known = RunState(first.run)
    assert [stored.seq for stored in known.passing(journal.read(first.run))] == [*range(1, known.seq + 1)]
    answer_gate(project, journal, first.run, "go", approve=True, person="dana")
    reads = []

    class Watched:
        """A journal that notes from where on a run is read."""

        def read(self, run, *, after=0):
            reads.append(after)
            return journal.read(run, after=after)

        def __getattr__(self, name):
            return getattr(journal, name)

    told = {"listener": Quiet(), "interrupts": Interrupts(), "known": known}
    assert resume_run(project, ResumeRequest(first.run), Watched(), **told).end == "succeeded"
    assert 0 not in reads


def test_somebody_without_the_role_is_refused_and_that_is_recorded(project, journal):
    first = run(project, journal)
    with pytest.raises(AnswerRefusedError, match="none of the roles"):
        answer_gate(project, journal, first.run, "go", approve=True, person="eli")
    with pytest.raises(AnswerRefusedError, match="not in team"):
        answer_gate(project, journal, first.run, "go", approve=True, person="mallory")
    assert [stored.event.kind for stored in journal.read(first.run)][-2:] == ["gate.refused", "gate.refused"]
    assert resume(project, journal, first.run).end == "waiting"
    with pytest.raises(InvalidInputError, match="no open gate"):
        answer_gate(project, journal, first.run, "after", approve=True, person="dana")


@pytest.mark.parametrize("person", ["eli", "dana"])
def test_whoever_hammers_at_a_gate_does_not_fill_the_journal(project, journal, person):
    first = run(project, journal)
    if person == "dana":
        answer_gate(project, journal, first.run, "go", approve=True, person="dana")
    before = journal.version(first.run)
    for _ in range(60):
        with pytest.raises(AnswerRefusedError) as refused:
            answer_gate(project, journal, first.run, "go", approve=True, person=person)
    added = list(journal.read(first.run, after=before))
    assert {one.event.kind for one in added} == {"gate.refused"}
    assert 5 <= len(added) < 12, "five, and a few more on a machine that takes minutes for this"
    assert "not recorded: " in refused.value.message
    assert all("only some are recorded" in one.event.reason for one in added[5:])
    assert journal.verify() == []


def test_a_decided_gate_takes_no_further_answer(project, journal):
    first = run(project, journal)
    answer_gate(project, journal, first.run, "go", approve=False, person="dana")
    with pytest.raises(AnswerRefusedError, match="declined by dana"):
        answer_gate(project, journal, first.run, "go", approve=True, person="dana")
    second = run(project, journal)
    answer_gate(project, journal, second.run, "go", approve=True, person="dana")
    with pytest.raises(AnswerRefusedError, match="approved by dana"):
        answer_gate(project, journal, second.run, "go", approve=False, person="dana")
    assert resume(project, journal, second.run).end == "succeeded"


def test_a_changed_plan_is_refused_unless_accepted_and_voids_the_approval(project, journal):
    first = run(project, journal)
    answer_gate(project, journal, first.run, "go", approve=True, person="dana")
    (project.root / "runbooks" / "gated.yml").write_text(GATED.replace("[true]", "[true, true]"))
    with pytest.raises(InvalidInputError, match="step after was changed"):
        resume(project, journal, first.run)
    assert resume(project, journal, first.run, accept_changes=True).end == "waiting", "approved was another plan"
    state = RunState(first.run, journal.read(first.run))
    assert state.task("go@localhost").opened.fingerprint == state.fingerprint
    answer_gate(project, journal, first.run, "go", approve=True, person="dana")
    assert resume(project, journal, first.run).end == "succeeded"


def test_accepted_changes_void_an_approval_that_was_acted_on_and_redo_what_was_changed(project, journal):
    book = project.root / "runbooks" / "gated.yml"
    text = GATED + '  - {id: mark, needs: [go], command.run: {shell: "echo x >> %s"}}\n' % (project.root / "ledger")
    book.write_text(text.replace("[true]", "[false]"))
    first = run(project, journal, skip={})
    answer_gate(project, journal, first.run, "go", approve=True, person="dana")
    assert resume(project, journal, first.run).end == "failed", "after is false"
    assert (project.root / "ledger").read_text() == "x\n"
    book.write_text(text)
    assert resume(project, journal, first.run, accept_changes=True).end == "waiting", "the director is asked again"
    answer_gate(project, journal, first.run, "go", approve=True, person="dana")
    assert resume(project, journal, first.run).end == "succeeded"
    assert (project.root / "ledger").read_text() == "x\n", "what was not changed is not done again"


def test_a_run_that_another_process_advances_is_not_touched(project, journal):
    first = run(project, journal)
    lease = journal.take_lease(f"run:{first.run}", this_process(), 60)
    before = [stored.seq for stored in journal.read(first.run)]
    with pytest.raises(LeaseError):
        resume(project, journal, first.run)
    assert [stored.seq for stored in journal.read(first.run)] == before
    journal.release_lease(lease)
    assert resume(project, journal, first.run).end == "waiting"


def test_one_live_run_of_a_runbook_on_an_inventory_at_a_time_and_dry_runs_besides(project, journal):
    lease = journal.take_lease("runbook:gated|localhost", this_process(), 60)
    with pytest.raises(LeaseError):
        run(project, journal)
    assert run(project, journal, mode=Mode.DRY_RUN).end == "succeeded"
    journal.release_lease(lease)


def test_a_drill_needs_an_inventory_that_is_marked_as_one(project, journal):
    with pytest.raises(InvalidInputError, match="not marked as a drill"):
        run(project, journal, mode=Mode.DRILL)
    (project.root / "group_vars").mkdir()
    (project.root / "hosts.ini").write_text("[all:vars]\nrunbook_drill=true\n[web]\nw1\n")
    request = RunRequest(PlanRequest("gated", inventories=("hosts.ini",)), mode=Mode.DRILL)
    result = run_runbook(
        project, request, prepare_plan(project, request.plan), journal, listener=Quiet(), interrupts=Interrupts()
    )
    assert result.end == "waiting"


def test_a_step_to_skip_must_exist(project, journal):
    with pytest.raises(InvalidInputError, match="nothing"):
        run(project, journal, skip={"nothing": "x"})
    assert run(project, journal, skip={"go": "the director said so by telephone"}).end == "succeeded"
