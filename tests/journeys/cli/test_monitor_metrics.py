"""`runbook monitor --metrics`: a scrape by HTTP while it watches, and what keeps it from being offered."""

import signal
import socket
import time
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families as read_text

RUNBOOK = """\
runbook: failover
title: Move the app
owner: engineering
steps: [{id: a, assert.that: {that: ["true"]}}]
triggers:
  - when: {tcp.check: {host: 127.0.0.1, port: PORT, timeout: 2s}}
    for: 1h
    then: notify
"""


@pytest.fixture
def watched(runbook):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        runbook.write("runbooks/failover.yml", RUNBOOK.replace("PORT", str(taken.getsockname()[1])))
        yield runbook


def scraped(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        families = read_text(answer.read().decode())
    return {(sample.name, *sorted(sample.labels.items())): sample.value for one in families for sample in one.samples}


def test_looks_and_the_journal_are_offered_while_it_watches(watched):
    process = watched.start("monitor", "--metrics", "0", "--every", "1s")
    try:
        url, line = "", ""
        while not url:
            line = process.stderr.readline()
            assert line, "it ended before it offered metrics"
            url = line.removeprefix("metrics: ").strip() if line.startswith("metrics: ") else ""
        assert url.startswith("http://127.0.0.1:")
        looked = ("runbook_monitor_looks_total", ("trigger", "failover/1"), ("verdict", "holds"))
        end = time.monotonic() + 60
        while (found := scraped(url)).get(looked, 0) < 2 and time.monotonic() < end:
            time.sleep(0.2)
        assert found[looked] >= 2
        assert found["runbook_journal_up",] == 1
        assert found[
            "runbook_monitor_trigger_state", ("inventory", "local"), ("trigger", "failover/1"), ("verdict", "holds")
        ]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.communicate()


def test_an_address_that_is_taken_is_refused_before_anything_is_watched(watched):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = watched("monitor", "--metrics", str(taken.getsockname()[1]))
    assert done.status == 2
    assert "metrics can't be offered at 127.0.0.1:" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--metrics", "here"], "is no address"), (["--once", "--metrics", "0"], "stays")]
)
def test_what_makes_no_sense(watched, arguments, words):
    done = watched("monitor", *arguments)
    assert done.status == 2
    assert words in done.err
