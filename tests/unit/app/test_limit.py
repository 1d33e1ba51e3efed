"""`--limit @failed`: which run it means, which hosts, what is recorded, and that a resumed run keeps them."""

from types import SimpleNamespace

import pytest

from runbook_engine.app.again import failed_again
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.report import make_report
from runbook_engine.app.run_requests import ResumeRequest, RunRequest
from runbook_engine.app.run_runbook import resume_run, run_runbook
from runbook_engine.app.status import run_status
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.execution.state import RunState
from runbook_engine.model.errors import InvalidInputError, UsageError
from runbook_engine.model.event import Actor, AttemptFinished, AttemptStarted, RunClosed, RunOpened, TaskBlocked
from runbook_engine.model.outcome import Mode

BOOK = """
runbook: book
inputs: {word: {type: string, default: two words}}
steps:
  - {id: work, targets: all, max_failures: "100%", assert.that: {that: ["target.name not in broken"]}}
  - {id: more, needs: [work], targets: all, assert.that: {that: [true]}}
"""
HOSTS = "[web]\nh1\nh2\nh3\n[db]\nh4\n[all:vars]\nbroken=%s\n"
ACTOR = Actor(name="dana")


class Quiet:
    def event(self, stored) -> None:
        """Not shown."""

    def progress(self, progress) -> None:
        """Not shown."""

    def warning(self, text) -> None:
        raise AssertionError(text)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "runbook.toml").write_text('inventory = "fleet"')
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "inventories" / "fleet").mkdir(parents=True)
    (tmp_path / "inventories" / "other").mkdir(parents=True)
    (tmp_path / "runbooks" / "book.yml").write_text(BOOK)
    (tmp_path / "runbooks" / "second.yml").write_text(BOOK.replace("runbook: book", "runbook: second"))
    for name in ("fleet", "other"):
        (tmp_path / "inventories" / name / "hosts").write_text(HOSTS % "['h2', 'h4']")
    return open_project(tmp_path)


@pytest.fixture
def journal(project):
    journal = project.journal(create=True)
    yield journal
    journal.close()


def broken(project, *hosts, inventory="fleet"):
    (project.root / "inventories" / inventory / "hosts").write_text(HOSTS % list(hosts))


def hosts_of(project, limit, name="book", inventories=()):
    prepared = prepare_plan(project, PlanRequest(name, inventories=inventories, limit=limit))
    targets = prepared.plan.steps[0].targets
    return SimpleNamespace(targets=targets, notes=prepared.notes, recorded=prepared.limit_hosts)


def run(project, journal, name="book", *, limit=None, inventories=(), **more):
    request = RunRequest(PlanRequest(name, inventories=inventories, limit=limit), **more)
    prepared = prepare_plan(project, request.plan)
    return run_runbook(project, request, prepared, journal, listener=Quiet(), interrupts=Interrupts()).run


def test_it_means_the_hosts_that_failed_in_the_newest_run(project, journal):
    first = run(project, journal)
    found = hosts_of(project, "@failed")
    assert found.targets == ("h2", "h4")
    assert found.notes == (f"@failed: 2 hosts of run {first}: h2 h4",)
    assert hosts_of(project, "@failed:&web").targets == ("h2",)
    assert hosts_of(project, "all:!@failed").targets == ("h1", "h3")
    broken(project, "h4")
    run(project, journal, limit="@failed")
    assert hosts_of(project, "@failed").targets == ("h4",), "h2 ended well at last"
    assert hosts_of(project, f"@failed:{first}").targets == ("h2", "h4")


def test_other_runbooks_inventories_and_dry_runs_do_not_count_unless_named(project, journal):
    run(project, journal)
    broken(project, "h1")
    second = run(project, journal, "second")
    broken(project, "h3", inventory="other")
    run(project, journal, inventories=("other",))
    dry = run(project, journal, mode=Mode.DRY_RUN)
    assert hosts_of(project, "@failed").targets == ("h2", "h4")
    assert hosts_of(project, "@failed", "second").targets == ("h1",)
    assert hosts_of(project, "@failed", inventories=("other",)).targets == ("h3",)
    assert hosts_of(project, f"@failed:{second}").targets == ("h1",)
    assert hosts_of(project, f"@failed:{dry}").targets == ("h1",)


def test_nothing_failed_is_said_and_no_plan_is_made(project, journal):
    broken(project)
    done = run(project, journal)
    with pytest.raises(UsageError, match=f"no host failed in run {done}"):
        hosts_of(project, "@failed")
    assert hosts_of(project, "web:!@failed").targets == ("h1", "h2", "h3"), "to leave nobody out is no mistake"


def test_without_a_run_that_is_over_it_means_nothing(project):
    with pytest.raises(UsageError, match="no run yet"):
        hosts_of(project, "@failed")
    project.journal(create=True).close()
    with pytest.raises(UsageError, match="no run of book on inventory fleet is over"):
        hosts_of(project, "@failed")


def test_a_limit_that_leaves_nothing_or_names_nothing_is_refused(project, journal):
    run(project, journal)
    with pytest.raises(UsageError, match="leaves no target"):
        hosts_of(project, "@failed:&h1")
    with pytest.raises(UsageError, match="no run '20010101'"):
        hosts_of(project, "@failed:20010101")
    with pytest.raises(InvalidInputError, match="'wbe' is neither"):
        hosts_of(project, "@failed:&wbe")


def test_hosts_that_are_gone_are_left_out_and_told(project, journal):
    run(project, journal)
    hosts = project.root / "inventories" / "fleet" / "hosts"
    hosts.write_text(hosts.read_text().replace("h2\n", ""))
    found = hosts_of(project, "@failed")
    assert found.targets == found.recorded == ("h4",)
    assert "1 hosts that failed" in found.notes[1]
    assert found.notes[1].endswith("not in the inventory any more: h2")


def test_the_run_records_the_hosts_and_keeps_them_when_it_is_resumed(project, journal):
    run(project, journal)
    (project.root / "runbooks" / "book.yml").write_text(BOOK.replace('max_failures: "100%"', "max_failures: 0"))
    limited = run(project, journal, limit="@failed:!h9*")
    opened = RunState(limited, journal.read(limited)).opened
    assert (opened.limit, opened.limit_hosts) == ("@failed:!h9*", ("h2", "h4"))
    status = run_status(journal, journal.head(limited))
    assert status.limit_hosts == ("h2", "h4")
    assert make_report(journal, limited).limit_hosts == ("h2", "h4")
    third = run(project, journal, limit="h1")
    with pytest.raises(UsageError, match=f"no host failed in run {third}"):
        hosts_of(project, "@failed")
    resumed = resume_run(project, ResumeRequest(limited), journal, listener=Quiet(), interrupts=Interrupts())
    assert resumed.end == "failed"
    assert RunState(limited, journal.read(limited)).tasks.keys() == {"work@h2", "work@h4", "more@h2", "more@h4"}


def test_the_lines_of_a_limit_file_are_kept_too(project, journal, tmp_path):
    listed = tmp_path / "listed.txt"
    listed.write_text("h2\n")
    (project.root / "runbooks" / "book.yml").write_text(BOOK.replace('max_failures: "100%"', "max_failures: 0"))
    limited = run(project, journal, limit=f"@{listed}")
    listed.write_text("h1\nh2\n")
    resumed = resume_run(project, ResumeRequest(limited), journal, listener=Quiet(), interrupts=Interrupts())
    assert resumed.end == "failed", "the same plan: nothing has to be accepted"
    assert {task.partition("@")[2] for task in RunState(limited, journal.read(limited)).tasks} == {"h2"}


def closed(journal, run_id, *events, close=True, opened_for="book"):
    """A run as another process recorded it."""
    opened = RunOpened(runbook=opened_for, inventory="fleet", mode="live", fingerprint="f", engine_version="1")
    journal.open_run(run_id, opened, ACTOR)
    journal.append(run_id, [*events, *([RunClosed(status="failed")] if close else [])], ACTOR)


def ended(task, outcome="failed", **more):
    return [
        AttemptStarted(task=task, number=1, token="t"),
        AttemptFinished(task=task, number=1, outcome=outcome, **more),
    ]


def test_what_counts_as_failed(project, journal):
    retried = [
        *ended("work@h3"),
        AttemptStarted(task="work@h3", number=2, token="t"),
        AttemptFinished(task="work@h3", number=2, outcome="changed"),
    ]
    closed(
        journal,
        "20260101-000000-book-0001",
        *ended("work[1]@h1", "unreachable"),
        *retried,
        *ended("work@h4", in_doubt=True),
        AttemptStarted(task="more@h2", number=1, token="t"),
        TaskBlocked(task="more@h3", because="x"),
        *ended("note@localhost"),
    )
    found = hosts_of(project, "@failed")
    assert sorted(found.targets) == ["h1", "h2", "h4"]
    assert len(found.notes) == 1, "this machine is no host that is gone"


def test_a_newer_run_that_is_not_over_is_mentioned(project, journal):
    closed(journal, "20260101-000000-book-0001", *ended("work@h1"))
    closed(journal, "20260101-000000-book-0002", *ended("work@h2"), close=False)
    found = hosts_of(project, "@failed")
    assert found.targets == ("h1",)
    assert "20260101-000000-book-0002 is newer and not over" in found.notes[0]
    assert hosts_of(project, "@failed:20260101-000000-book-0002").targets == ("h2",)


def test_the_next_command_can_be_typed_as_it_is(project, journal):
    first = run(project, journal)
    troubles = make_report(journal, first).troubles
    assert failed_again(project, journal, first, troubles) == (
        "runbook run book -i inventories/fleet -e 'word=two words' --limit @failed"
    )
    broken(project)
    second = run(project, journal)
    assert failed_again(project, journal, second, make_report(journal, second).troubles) == ""
    assert failed_again(project, journal, first, troubles).endswith(f"--limit @failed:{first}"), (
        "not the newest any more"
    )
