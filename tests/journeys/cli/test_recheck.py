"""A run that goes on looks again at what had ended well: drift is told everywhere, and nothing is done about it."""

import json
import time
import xml.etree.ElementTree as ET

import pytest

BOOK = """\
runbook: move
steps:
  - id: put
    file.copy: {content: "standby\\n", dest: "%(root)s/put"}
  - id: aside
    file.copy: {content: "aside\\n", dest: "%(root)s/aside"}
  - id: run
    needs: [put]
    command.run: {shell: "echo ran >> %(root)s/ran"}
  - id: switch
    needs: [run]
    command.run: {argv: [test, -e, "%(root)s/ready"]}
  - id: after
    needs: [switch]
    command.run: {shell: "echo after >> %(root)s/ran"}
"""


@pytest.fixture
def failed(runbook):
    """A run that failed at `switch`, whose cause is mended by now."""
    runbook.write("runbooks/move.yml", BOOK % {"root": runbook.root})
    assert runbook("run", "move", "--yes").status == 1
    runbook.write("ready", "")
    return runbook


def kinds(runbook):
    return [line["event"]["kind"] for line in runbook("audit", "log", "last", "--output", "json").json]


def test_what_is_as_it_was_is_said_and_the_run_goes_on(failed):
    done = failed("resume", "--yes")
    assert done.status == 0, done.err
    assert "2 as they were, 1 that no check can tell of" in done.err
    assert (failed.root / "ran").read_text() == "ran\nafter\n"
    assert failed("audit", "verify").status == 0


def test_drift_is_told_everywhere_held_and_done_anew_when_a_person_says_so(failed):
    (failed.root / "put").write_text("by hand\n")
    (failed.root / "aside").unlink()
    held = failed("resume", "--yes")
    assert held.status == 4, held.err
    assert "DRIFTED       put@localhost" in held.err
    assert "DRIFTED       aside@localhost" in held.err
    assert "runbook retry|skip|ignore" in held.err
    assert (failed.root / "put").read_text() == "by hand\n", "nothing was done about it"
    assert (failed.root / "ran").read_text() == "ran\n", "and nothing went on that stands on it"
    status = failed("status")
    assert "held: put@localhost" in status.out
    assert "drifted: aside@localhost" in status.out
    assert {"recheck.started", "drift.found", "recheck.finished"} <= set(kinds(failed))
    for form in ("md", "html"):
        assert "drifted" in failed("report", "last", "--format", form).out, form
    cases = ET.fromstring(failed("report", "last", "--format", "junit").out).iter("testcase")
    assert [case.get("name") for case in cases if case.find("failure[@type='drifted']") is not None] == [
        "aside@localhost"
    ]
    told = json.loads(failed("report", "last", "--format", "json").out)["rechecks"][0]
    assert [(one["task"], one["needed"]) for one in told["drifts"]] == [
        ("put@localhost", True),
        ("aside@localhost", False),
    ]
    assert told["drifts"][0]["changes"]
    for step in ("put", "aside"):
        assert failed("retry", "last", step, "--reason", "it is to be there").status == 0
    done = failed("resume", "--yes")
    assert done.status == 0, done.err
    assert (failed.root / "put").read_text() == "standby\n"
    assert (failed.root / "aside").read_text() == "aside\n"
    assert (failed.root / "ran").read_text() == "ran\nafter\n"
    assert json.loads(failed("audit", "log", "last", "--output", "json").out)[-1]["event"]["drifted"] == 0
    assert failed("audit", "verify").status == 0


def test_drift_that_is_let_be_stays_in_the_record(failed):
    (failed.root / "put").write_text("by hand\n")
    assert failed("resume", "--yes").status == 4
    assert failed("ignore", "last", "put", "--reason", "dana mended it").status == 0
    done = failed("resume", "--yes")
    assert done.status == 0, done.err
    assert (failed.root / "put").read_text() == "by hand\n"
    assert json.loads(failed("audit", "log", "last", "--output", "json").out)[-1]["event"]["drifted"] == 1
    assert "drifted" in failed("report", "last").out
    assert "drifted: put@localhost" in failed("status").out


def test_no_recheck_needs_a_reason_and_keeps_it(failed):
    (failed.root / "put").unlink()
    for words in (["--no-recheck"], ["--reason", "x"]):
        assert failed("resume", "--yes", *words).status == 2
    done = failed("resume", "--yes", "--no-recheck", "--reason", "I looked myself")
    assert done.status == 0, done.err
    assert "I looked myself" in failed("report", "last").out
    assert "recheck.started" not in kinds(failed)


def test_a_new_run_from_it_looks_again_too(failed):
    (failed.root / "put").unlink()
    held = failed("run", "move", "--from-run", "last", "--only", "failed", "--yes")
    assert held.status == 4, held.err
    assert "DRIFTED       put@localhost" in held.err
    assert not (failed.root / "put").exists()
    assert failed("retry", "last", "put", "--reason", "again").status == 0
    assert failed("resume", "--yes").status == 0
    assert (failed.root / "put").read_text() == "standby\n"


def test_from_run_without_looking(failed):
    (failed.root / "put").unlink()
    words = ("run", "move", "--from-run", "last", "--yes", "--no-recheck")
    assert failed(*words).status == 2
    done = failed(*words, "--reason", "mended by hand")
    assert done.status == 0, done.err
    assert failed("run", "move", "--no-recheck", "--reason", "x", "--yes").status == 2


BEGUN = """\
runbook: begun
steps:
  - id: put
    file.copy: {content: "one\\n", dest: "%(root)s/put"}
  - id: slow
    needs: [put]
    command.run: {shell: "echo s >> %(root)s/led; until test -e %(root)s/go; do sleep 0.05; done; echo e >> %(root)s/led"}
  - id: after
    needs: [slow]
    command.run: {shell: "echo a >> %(root)s/led"}
"""


@pytest.fixture
def killed(runbook):
    """A run whose engine was killed while `slow` ran; what `slow` needs was changed by hand since."""
    runbook.write("runbooks/begun.yml", BEGUN % {"root": runbook.root})
    process = runbook.start("run", "begun", "--yes")
    for _ in range(1200):
        if (runbook.root / "led").exists():
            break
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=60)
    (runbook.root / "put").write_text("by hand\n")
    yield runbook
    (runbook.root / "go").touch()


def test_what_had_begun_before_the_drift_is_settled_and_nothing_new_begins(killed):
    (killed.root / "go").touch()
    held = killed("resume", "--yes")
    assert held.status == 4, held.err
    assert "DRIFTED       put@localhost" in held.err
    assert "in doubt" not in held.err, "what can settle itself asks nobody"
    assert (killed.root / "led").read_text() == "s\ne\n"
    assert "in doubt" not in killed("status").out
    assert killed("ignore", "last", "put", "--reason", "dana did it").status == 0
    done = killed("resume", "--yes")
    assert done.status == 0, done.err
    assert (killed.root / "led").read_text() == "s\ne\na\n"
    assert killed("audit", "verify").status == 0


def test_a_person_may_say_at_once_what_became_of_what_status_calls_in_doubt(killed):
    for _ in range(1200):
        if "in doubt" in killed("status").out:
            break
        time.sleep(0.5)
    said = killed("resolve", "last", "slow@localhost", "done", "--reason", "seen")
    assert said.status == 0, said.err
    assert "in doubt" not in killed("status").out
