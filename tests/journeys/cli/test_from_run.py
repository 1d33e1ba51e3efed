"""`runbook run NAME --from-run RUN`: a new run in which what ended well in an earlier one counts as done."""

import pytest

BOOK = """\
runbook: book
inputs: {word: {type: string}}
steps:
  - id: make
    command.run: {shell: 'echo make >> ledger; echo made-{{ word }}', cwd: ROOT}
  - id: hosts
    targets: fleet
    needs: [make]
    command.run: {shell: 'echo {{ target.name }} >> ledger; test ! -e broken-{{ target.name }}', cwd: ROOT}
  - id: tell
    needs: [hosts, make]
    command.run: {shell: 'echo "told {{ steps.make.stdout }}" >> ledger', cwd: ROOT}
"""


@pytest.fixture
def failed(runbook):
    runbook.write("runbooks/book.yml", BOOK.replace("ROOT", str(runbook.root)))
    runbook.write("inventories/fleet/hosts", "[fleet]\nh[1:3] ansible_connection=local\n")
    (runbook.root / "broken-h2").touch()
    (runbook.root / "broken-h3").touch()
    called = runbook("run", "book", "-i", "fleet", "-e", "word=it", "--yes")
    assert called.status == 1, called.err
    return runbook


def ledger(runbook):
    return (runbook.root / "ledger").read_text().splitlines()


def head(runbook):
    return runbook("status", "--output", "json").json


def test_only_what_failed_is_done_in_a_new_run(failed):
    first = head(failed)
    before = ledger(failed)
    (failed.root / "broken-h2").unlink()
    (failed.root / "broken-h3").unlink()
    called = failed("run", "book", "--from-run", "last", "--only", "failed", "--yes")
    assert called.status == 0, called.err
    assert sorted(ledger(failed)[len(before) :]) == ["h2", "h3", "told made-it"], "outputs of what was done are known"
    assert f"done in run {first['id']}" in called.out
    assert head(failed)["id"] != first["id"]
    assert failed("audit", "verify").status == 0
    again = failed("run", "book", "--from-run", first["id"], "--yes")
    assert again.status == 2, "the other run went on from it"
    assert head(failed)["id"] in again.err
    assert failed("resume", first["id"], "--yes").status == 2


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("run", "book", "--only", "failed", "--yes"), 2, "--from-run"),
        (("run", "book", "--from-run", "last", "-e", "word=other", "--yes"), 2, "inputs"),
        (("run", "book", "--from-run", "last", "--dry-run"), 2, "live"),
        (("run", "book", "--from-run", "nothing", "--yes"), 2, "there is no run"),
    ],
)
def test_what_makes_no_sense_is_refused(failed, words, status, says):
    called = failed(*words)
    assert called.status == status, called.err
    assert says in called.err


def test_a_run_that_succeeded_or_is_of_another_runbook_is_no_beginning(failed):
    failed("run", "restore-settings", "--yes")
    assert "nothing left to do" in failed("run", "restore-settings", "--from-run", "last", "--yes").err


def test_a_plan_that_is_another_by_now_is_refused(failed):
    failed.write("runbooks/book.yml", BOOK.replace("ROOT", str(failed.root)).replace("echo make", "echo remake"))
    called = failed("run", "book", "--from-run", "last", "--yes")
    assert called.status == 3, called.err
    assert "step make was changed" in called.err
