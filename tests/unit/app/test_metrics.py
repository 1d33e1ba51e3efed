"""Metrics of a project: what a scrape says of its runs, read by Prometheus' own parsers."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from runbook_engine.app.metrics import Metrics
from runbook_engine.app.metrics_address import Address, read_address
from runbook_engine.app.project import open_project
from runbook_engine.app.worker_metrics import WorkerMetrics
from runbook_engine.journals.holder import this_process
from runbook_engine.model.errors import JournalError, NoJournalError
from runbook_engine.model.event import (
    Actor,
    AttemptFinished,
    AttemptStarted,
    GateOpened,
    LeaseTaken,
    MessageDue,
    MessageMissed,
    MessageSent,
    RunClosed,
    RunOpened,
    StepSummary,
    TaskBlocked,
)
from runbook_engine.model.runbook import Objectives
from runbook_engine.testing import ManualClock, MemoryJournal

ENGINE = Actor(kind="engine", name="engine")
ASKED = "application/openmetrics-text; version=1.0.0"


class KeptJournal(MemoryJournal):
    """A journal that can be opened again after it was closed, and counts what is read of it."""

    def __init__(self, clock):
        super().__init__(clock)
        self.events_read = 0

    def read(self, run, *, after=0):
        for stored in super().read(run, after=after):
            self.events_read += 1
            yield stored

    def close(self):
        """Stay open."""


@pytest.fixture
def clock():
    return ManualClock(datetime(2026, 11, 23, 10, tzinfo=UTC))


@pytest.fixture
def journal(clock):
    return KeptJournal(clock)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "runbook.toml").touch()
    return open_project(tmp_path)


@pytest.fixture
def metrics(project, clock, journal):
    return Metrics(project, clock, journal_of=lambda: journal)


def opened(runbook="failover", *, mode="live", action="command.run", **more):
    steps = tuple(
        StepSummary(id=name, action=action, digest="", tasks=2, targets_digest="") for name in ("restore", "declare")
    )
    return RunOpened(
        runbook=runbook, inventory="demo", mode=mode, fingerprint="f", engine_version="1", steps=steps, tasks=4, **more
    )


def begin(journal, run="r1", **about):
    journal.open_run(run, opened(**about), Actor(name="dana"))
    return run


def ended(task, outcome="changed", *, seconds=2.0, **more):
    begun = AttemptStarted(task=task, number=1, token="t")
    return begun, AttemptFinished(task=task, number=1, outcome=outcome, seconds=seconds, **more)


def scrape(metrics, clock):
    """Give every sample by name and labels, after the answer before it has grown old."""
    clock.advance(2)
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in read_text(body.decode())
        for sample in family.samples
    }


def value(samples, name, **labels):
    return samples.get((name, *sorted(labels.items())))


def names_of(samples, name):
    return [key for key in samples if key[0] == name]


def test_runs_tasks_and_durations_are_counted(metrics, journal, clock):
    run = begin(journal)
    journal.append(run, ended("restore@a"), ENGINE)
    journal.append(run, ended("restore@b", "failed", seconds=70.0), ENGINE)
    journal.append(run, [TaskBlocked(task="declare@a", because="restore failed")], ENGINE)
    journal.append(run, ended("declare@b", "changed", in_doubt=True), ENGINE)
    journal.append(run, [RunClosed(status="failed")], ENGINE)
    found = scrape(metrics, clock)
    assert value(found, "runbook_runs", runbook="failover", mode="live", status="failed") == 1
    by_outcome = {dict(key[1:])["outcome"]: found[key] for key in names_of(found, "runbook_tasks_ended_total")}
    assert by_outcome == {"changed": 1, "failed": 1, "blocked": 1, "in-doubt": 1}
    bucket = "runbook_attempt_duration_seconds_bucket"
    assert [value(found, bucket, action="command.run", le=le) for le in ("1.0", "5.0", "60.0", "300.0", "+Inf")] == [
        0, 2, 2, 3, 3,
    ]  # fmt: skip
    assert value(found, "runbook_attempt_duration_seconds_sum", action="command.run") == 74
    assert not names_of(found, "runbook_run_tasks")
    assert value(found, "runbook_journal_up") == 1


def test_counters_only_grow_and_read_each_event_once(metrics, journal, clock):
    run = begin(journal)
    journal.append(run, ended("restore@a"), ENGINE)
    first = scrape(metrics, clock)
    journal.append(run, ended("restore@b"), ENGINE)
    read = journal.events_read
    second = scrape(metrics, clock)
    assert journal.events_read == read + 2
    changed = {"runbook": "failover", "outcome": "changed"}
    assert (
        value(first, "runbook_tasks_ended_total", **changed),
        value(second, "runbook_tasks_ended_total", **changed),
    ) == (1, 2)
    # A run that is over and goes on afterwards is read anew, and counted on.
    journal.append(run, [RunClosed(status="failed")], ENGINE)
    scrape(metrics, clock)
    journal.append(run, [LeaseTaken(holder="h", fence=2), *ended("declare@a")], ENGINE)
    assert value(scrape(metrics, clock), "runbook_tasks_ended_total", **changed) == 3
    # A run that is over is not read again.
    journal.append(run, [RunClosed(status="failed")], ENGINE)
    scrape(metrics, clock)
    read = journal.events_read
    metrics.settle()
    scrape(metrics, clock)
    assert journal.events_read == read


def test_an_open_run_tells_its_clocks_and_who_drives_it(metrics, journal, clock):
    began = clock.now()
    run = begin(journal, objectives=Objectives(rto=timedelta(hours=1)))
    who = {"run": run, "runbook": "failover", "mode": "live"}
    journal.append(run, ended("restore@a"), ENGINE)
    journal.append(run, [AttemptStarted(task="restore@b", number=1, token="t")], ENGINE)
    found = scrape(metrics, clock)
    assert value(found, "runbook_run_clock_timestamp_seconds", **who, clock="declared") == began.timestamp()
    assert value(found, "runbook_run_clock_timestamp_seconds", **who, clock="recovered") == began.timestamp()
    assert value(found, "runbook_run_clock_timestamp_seconds", **who, clock="verified") is None
    assert value(found, "runbook_run_objective_seconds", **who, objective="rto") == 3600
    states = {dict(key[1:])["state"]: found[key] for key in names_of(found, "runbook_run_tasks")}
    assert states == {"changed": 1, "running": 1, "waiting": 2}
    assert value(found, "runbook_run_driven", **who) == 0
    journal.take_lease(f"run:{run}", this_process(), 60)
    assert value(scrape(metrics, clock), "runbook_run_driven", **who) == 1
    journal.append(run, [RunClosed(status="aborted")], ENGINE)
    assert not names_of(scrape(metrics, clock), "runbook_run_driven")


def test_gates_and_messages_that_are_owed(metrics, journal, clock):
    run = begin(journal)
    asked = clock.now()
    due = asked + timedelta(minutes=10)
    journal.append(run, [GateOpened(task="declare@a", roles=("director",), message="Go?", fingerprint="f")], ENGINE)
    journal.append(run, [MessageDue(audience="customers", sequence=1, due_at=due, every=600.0)], ENGINE)
    clock.advance(60)
    journal.append(run, [GateOpened(task="declare@b", roles=("director",), message="Go?", fingerprint="f")], ENGINE)
    found = scrape(metrics, clock)
    assert value(found, "runbook_gates_open", runbook="failover") == 2
    assert value(found, "runbook_gate_oldest_timestamp_seconds", runbook="failover") == asked.timestamp()
    assert value(found, "runbook_messages_owed", runbook="failover") == 1
    assert value(found, "runbook_messages_overdue", runbook="failover") == 0
    clock.advance(3600)
    assert value(scrape(metrics, clock), "runbook_messages_overdue", runbook="failover") == 1
    missed = MessageMissed(audience="customers", sequence=1, reason="nobody", count=3)
    journal.append(run, [missed, MessageSent(audience="customers", sequence=1, channel="notify.email")], ENGINE)
    found = scrape(metrics, clock)
    assert [value(found, "runbook_messages_total", result=word) for word in ("sent", "failed", "missed")] == [1, 0, 3]


def test_names_follow_the_conventions_and_openmetrics_reads_them_too(metrics, journal, clock):
    journal.append(begin(journal), ended("restore@a"), ENGINE)
    scrape(metrics, clock)
    body, content_type = metrics.render(ASKED)
    assert content_type.startswith("application/openmetrics-text")
    families = [one for one in read_openmetrics(body.decode()) if one.name.startswith("runbook_")]
    assert len(families) > 20
    for family in families:
        assert family.documentation, family.name
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name
            assert sample.name.endswith("_info") == (family.type == "info"), sample.name


def test_the_reference_lists_every_metric_and_no_other(metrics, journal, clock):
    page = (Path(__file__).parents[3] / "docs/reference/metrics.md").read_text()
    listed = set(re.findall(r"^\| `(runbook_\w+)`", page, re.MULTILINE))
    begin(journal)
    scrape(metrics, clock)
    metrics.settle()
    clock.advance(2)
    body = metrics.render().body.decode()
    told = set(re.findall(r"^# TYPE (runbook_\w+)", body, re.MULTILINE))
    of_worker = generate_latest(worked().registry).decode()
    names = re.findall(r"^# TYPE (runbook_\w+)", of_worker, re.MULTILINE)
    told |= {name for name in names if not name.endswith("_created")}  # when a series began, which its library adds
    assert listed == told


def worked():
    metrics = WorkerMetrics(("east",), 7)
    for outcome in ("changed", "in-doubt"):
        metrics.began()
        metrics.ended("command.run", outcome, 2.0)
    metrics.began()
    metrics.heard()
    return metrics


def test_a_worker_tells_what_it_did():
    body = generate_latest(worked().registry).decode()
    found = {sample.name + str(sample.labels): sample.value for one in read_text(body) for sample in one.samples}
    assert found["runbook_worker_attempts_running{}"] == 1
    assert found["runbook_worker_slots{}"] == 7
    assert found["runbook_worker_attempts_total{'action': 'command.run', 'outcome': 'in-doubt'}"] == 1
    assert found["runbook_worker_attempt_duration_seconds_sum{'action': 'command.run'}"] == 4
    assert found["runbook_worker_heartbeat_timestamp_seconds{}"] > 0


def test_the_alerts_of_the_reference_are_rules_over_metrics_that_there_are():
    page = (Path(__file__).parents[3] / "docs/reference/metrics.md").read_text()
    listed = set(re.findall(r"^\| `(runbook_\w+)`", page, re.MULTILINE))
    scrape_part, alerts = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    assert scrape_part["scrape_configs"][0]["job_name"] == "runbook"
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    for rule in rules:
        assert rule["annotations"]["summary"]
        named = set(re.findall(r"runbook_\w+", rule["expr"]))
        assert named, rule
        assert named <= listed, rule["alert"]
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_a_flood_of_names_does_not_become_a_flood_of_series(metrics, journal, clock):
    for number in range(450):
        run = begin(journal, f"r{number}", runbook=f"made-up-{number}", action=f"made.up{number}")
        journal.append(run, ended("restore@a"), ENGINE)
    found = scrape(metrics, clock)
    assert len(names_of(found, "runbook_runs")) == 201
    assert len(names_of(found, "runbook_tasks_ended_total")) == 201
    assert len(names_of(found, "runbook_attempt_duration_seconds_count")) == 201
    assert len(names_of(found, "runbook_run_driven")) == 50
    assert value(found, "runbook_attempt_duration_seconds_count", action="other") == 250


def test_a_journal_that_is_away_is_told_and_no_more(project, clock):
    def away():
        raise JournalError("the database is away")

    found = scrape(Metrics(project, clock, journal_of=away), clock)
    assert value(found, "runbook_journal_up") == 0
    assert not names_of(found, "runbook_gates_open")
    assert value(found, "runbook_compliance_up") == 1


def test_one_damaged_run_does_not_hide_the_others(metrics, journal, clock):
    begin(journal, "r1")
    begin(journal, "r2")
    journal.append("r2", ended("restore@a"), ENGINE)
    whole = journal.read

    def read(run, *, after=0):
        if run == "r1":
            raise JournalError("event 1 was changed")
        return whole(run, after=after)

    journal.read = read
    found = scrape(metrics, clock)
    assert value(found, "runbook_journal_unreadable_runs") == 1
    assert value(found, "runbook_tasks_ended_total", runbook="failover", outcome="changed") == 1


def test_the_chain_is_checked_once_an_hour(metrics, journal, clock):
    begin(journal)
    scrape(metrics, clock)
    metrics.settle()
    first = value(scrape(metrics, clock), "runbook_journal_verified_timestamp_seconds")
    assert first is not None
    assert value(scrape(metrics, clock), "runbook_journal_damage") == 0
    clock.advance(3500)
    scrape(metrics, clock)
    metrics.settle()
    assert value(scrape(metrics, clock), "runbook_journal_verified_timestamp_seconds") == first
    clock.advance(200)
    scrape(metrics, clock)
    metrics.settle()
    assert value(scrape(metrics, clock), "runbook_journal_verified_timestamp_seconds") > first


def test_what_is_due_by_the_calendar_and_what_is_broken(project, clock):
    folder = project.root / "runbooks"
    folder.mkdir()
    steps = 'steps: [{id: a, assert.that: {that: ["true"]}}]\n'
    (folder / "failover.yml").write_text(
        f"runbook: failover\nreview: {{every: 365d, last: 2026-11-01}}\ndrill: {{every: 365d}}\n{steps}"
    )
    (folder / "broken.yml").write_text("runbook: [\n")

    def nothing():
        raise NoJournalError("there is no journal yet")

    found = scrape(Metrics(project, clock, journal_of=nothing), clock)
    due = datetime(2027, 11, 1, tzinfo=UTC).timestamp()
    assert value(found, "runbook_compliance_due_timestamp_seconds", runbook="failover", duty="review") == due
    assert value(found, "runbook_compliance_breach", runbook="failover", duty="review") == 0
    assert value(found, "runbook_compliance_state", runbook="failover", duty="drill", state="never") == 1
    assert value(found, "runbook_compliance_breach", runbook="failover", duty="drill") == 1
    assert value(found, "runbook_compliance_breach", runbook="broken", duty="file") == 1


def test_looks_of_this_process_are_counted(metrics, clock):
    metrics.looked("failover/1", "clear")
    metrics.looked("failover/1", "unknown")
    metrics.looked("failover/1", "clear")
    found = scrape(metrics, clock)
    assert value(found, "runbook_monitor_looks_total", trigger="failover/1", verdict="clear") == 2
    assert value(found, "runbook_monitor_looks_total", trigger="failover/1", verdict="unknown") == 1


@pytest.mark.parametrize(
    ("typed", "address", "shown"),
    [
        ("9464", Address("127.0.0.1", 9464), "127.0.0.1:9464"),
        (":9464", Address("127.0.0.1", 9464), "127.0.0.1:9464"),
        ("0.0.0.0:0", Address("0.0.0.0", 0), "0.0.0.0:0"),
        ("[::1]:9464", Address("::1", 9464), "[::1]:9464"),
    ],
)
def test_an_address(typed, address, shown):
    assert read_address(typed) == address
    assert str(address) == shown


@pytest.mark.parametrize("typed", ["", "host", "host:", "1:65536", "host:-1", "host:\u0661"])
def test_what_is_no_address(typed):
    with pytest.raises(ValueError, match="is no address"):
        read_address(typed)
