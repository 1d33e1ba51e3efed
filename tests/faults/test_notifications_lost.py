"""A gate that a run waits at is answered from elsewhere: the database tells it, and when it can't, a look finds it."""

import pytest

pytestmark = pytest.mark.timeout(240)

BOOK = """\
runbook: book
steps:
  - id: ask
    gate.approval: {roles: [engineering], message: 'Go on?'}
  - id: after
    needs: [ask]
    command.run: {shell: 'echo after >> ledger', cwd: ROOT}
"""
TEAM = """roles: {engineering: {}}
people:
  dana: {name: Dana, roles: [engineering]}
  robin: {name: Robin, roles: [engineering]}
"""


@pytest.mark.parametrize("fault", ["none", "notifications off", "server restarted"])
def test_an_answer_arrives(runbook, postgres, fault):
    runbook.write("runbooks/book.yml", BOOK.replace("ROOT", str(runbook.root)))
    runbook.write("team.yml", TEAM)
    database = postgres.new_journal()
    url = postgres.url(database, "journal_app")
    if fault == "notifications off":
        postgres.sql(database, "ALTER TABLE runs DISABLE TRIGGER runs_tell")
    asked = ("run", "book", "--yes", "--wait", "--as", "robin")
    process = runbook.start(*asked, RUNBOOK_JOURNAL=url)
    try:
        told = next(line for line in process.stderr if "waits " in line)
        assert "Go on?" in told
        if fault == "server restarted":
            postgres.stop()
            postgres.start()
        approved = runbook("approve", "last", "ask", "--as", "dana", RUNBOOK_JOURNAL=url)
        assert approved.status == 0, approved.err
        _, told = process.communicate(timeout=180)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == 0, told
    assert (runbook.root / "ledger").read_text() == "after\n"
