"""The database of the journal is restarted in the middle of a run, while the engine writes and while it waits."""

import os

import pytest

pytestmark = pytest.mark.timeout(180)

BOOK = """\
runbook: book
steps:
  - id: work
    command.run: {shell: 'echo work >> ledger; echo > begun; read word < go', cwd: ROOT}
  - id: after
    needs: [work]
    command.run: {shell: 'echo after >> ledger', cwd: ROOT}
"""


@pytest.mark.parametrize("ends_meanwhile", [True, False], ids=["with something to write", "with nothing to write"])
def test_restarted_in_the_middle_of_a_run(runbook, postgres, ends_meanwhile):
    for pipe in ("begun", "go"):
        os.mkfifo(runbook.root / pipe)
    runbook.write("runbooks/book.yml", BOOK.replace("ROOT", str(runbook.root)))
    url = postgres.url(postgres.new_database())
    process = runbook.start("run", "book", "--yes", RUNBOOK_JOURNAL=url)
    with (runbook.root / "begun").open() as pipe:
        pipe.read()
    postgres.stop()
    try:
        if ends_meanwhile:
            go(runbook)
        for line in process.stderr:
            if "nothing new is started" in line:
                break
        assert "can't be reached" in line
        assert (runbook.root / "ledger").read_text().split() == ["work"]
    finally:
        postgres.start()
    if not ends_meanwhile:
        go(runbook)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert (runbook.root / "ledger").read_text().split() == ["work", "after"]
    assert runbook("audit", "verify", RUNBOOK_JOURNAL=url).status == 0


def go(runbook):
    with (runbook.root / "go").open("w") as pipe:
        pipe.write("go\n")
