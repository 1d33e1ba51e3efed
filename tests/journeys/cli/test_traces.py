"""Spans of runs, as a real collector of OTLP over HTTP receives them."""

import socket

import pytest
from support.otlp import Collector

SECRET = "correct-horse-battery"
BROKEN = """\
runbook: broken
title: One part fails
steps:
  - {id: well, assert.that: {that: ["true"]}}
  - {id: badly, needs: [well], command.run: {argv: [test, -e, ROOT/mended], unless: "test -e ROOT/mended"}}
  - {id: after, needs: [badly], assert.that: {that: ["true"]}}
"""


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def broken(runbook):
    runbook.write("runbooks/broken.yml", BROKEN.replace("ROOT", str(runbook.root)))
    return runbook


def test_a_run_its_steps_and_attempts_are_one_tree(runbook, collector):
    done = runbook("run", "restore-settings", "--yes", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert done.status == 0, done.err
    assert "traces" not in done.err
    assert set(collector.paths) == {"/v1/traces"}
    assert collector.resources[0]["service.name"] == "runbook"
    (root,) = collector.named("run ")
    assert (root.name, root.parent, root.failed) == ("run restore-settings", "", False)
    assert {span.trace for span in collector.spans} == {root.trace}
    steps = {span.name.removeprefix("step "): span for span in collector.named("step ")}
    assert set(steps) == {"declare", "restore", "activate", "verify"}
    assert {span.parent for span in steps.values()} == {root.id}
    attempts = collector.named("attempt ")
    assert len(attempts) == 3
    for span in attempts:
        step = steps[span.attributes["runbook.step"]]
        assert span.parent == step.id
        assert root.begin <= step.begin <= span.begin <= span.end <= step.end <= root.end
    restore = next(span for span in attempts if span.name == "attempt restore")
    run = runbook("status", "--output", "json").json["id"]
    assert restore.attributes == {
        "runbook.run": run, "runbook.name": "restore-settings", "runbook.inventory": "local", "runbook.mode": "live",
        "runbook.step": "restore", "runbook.task": "restore@localhost", "runbook.target": "localhost",
        "runbook.action": "file.copy", "runbook.attempt": 1, "runbook.outcome": "changed",
    }  # fmt: skip


def test_a_resumed_run_joins_its_trace_and_sends_only_what_is_new(broken, collector):
    runbook, sent = broken, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    assert runbook("run", "broken", "--yes", **sent).status == 1
    first = list(collector.spans)
    assert {span.name for span in first if span.failed} == {"run broken", "step badly", "step after", "attempt badly"}
    runbook.write("mended", "")
    collector.spans.clear()
    assert runbook("resume", "last", "--yes", **sent).status == 0
    assert {span.trace for span in collector.spans} == {span.trace for span in first}
    names = [span.name for span in collector.spans]
    assert "attempt well" not in names
    assert "step well" not in names
    assert {span.id for span in collector.named("run ")} == {span.id for span in first if span.name == "run broken"}
    assert not any(span.failed for span in collector.spans)
    again = {span.id for span in collector.named("attempt ")} & {span.id for span in first}
    assert not again


def test_a_run_that_was_driven_without_is_sent_afterwards_under_the_same_ids(broken, collector):
    runbook = broken
    assert runbook("run", "broken", "--yes", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url).status == 1
    as_it_went = {(span.name, span.id, span.parent, span.begin, span.end, span.failed) for span in collector.spans}
    collector.spans.clear()
    runbook.write("runbook.toml", f'inventory = "local"\n[traces]\nendpoint = "{collector.url}"\n')
    done = runbook("trace", "last")
    assert done.status == 0, done.err
    assert done.out.startswith(f"{len(as_it_went)} spans of run ")
    assert {
        (span.name, span.id, span.parent, span.begin, span.end, span.failed) for span in collector.spans
    } == as_it_went


def test_a_collector_that_is_away_costs_one_warning_and_nothing_else(runbook):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = runbook("run", "restore-settings", "--yes", OTEL_EXPORTER_OTLP_ENDPOINT=nobody)
    assert done.status == 0, done.err
    assert done.err.count("traces are not sent any more") == 1
    again = runbook("trace", "last", OTEL_EXPORTER_OTLP_ENDPOINT=nobody)
    assert again.status == 1
    assert "were not sent" in again.err


def test_a_collector_that_never_answers_does_not_hold_the_run_up(runbook, collector):
    collector.silent = True
    done = runbook("run", "restore-settings", "--yes", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert done.status == 0, done.err
    assert done.err.count("traces are not sent any more: no answer in time") == 1


def test_a_collector_that_refuses_is_told_of(runbook, collector):
    collector.status = 400
    done = runbook("run", "restore-settings", "--yes", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert (done.status, done.err.count("traces are not sent any more")) == (0, 1)


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_what_is_switched_off_sends_nothing(runbook, collector, off):
    sent = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **off}
    assert runbook("run", "restore-settings", "--yes", **sent).status == 0
    assert not collector.spans
    assert runbook("trace", "last", **sent).status == 2


def test_nobody_to_send_to(runbook):
    done = runbook("trace", "last")
    assert done.status == 2
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in done.err
    runbook.write("runbook.toml", '[traces]\nendpoint = "ftp://elsewhere"\n')
    assert runbook("runs").status == 3


def test_neither_secrets_nor_what_targets_say_is_sent(runbook, collector):
    runbook.write(
        "runbooks/talks.yml",
        "runbook: talks\ntitle: Talks\nsteps:\n"
        "  - id: a\n"
        f'    command.run: {{argv: [sh, -c, "echo said; echo {SECRET} >&2; exit 3"], unless: "false"}}\n',
    )
    done = runbook("run", "talks", "--yes", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert done.status == 1
    assert collector.named("attempt a")[0].failed
    assert all(SECRET.encode() not in body and b"said" not in body for body in collector.bodies)
