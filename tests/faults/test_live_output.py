"""What a task puts out while a worker makes it: seen by all as it comes, whoever dies meanwhile, and gone with its end."""

import pytest
from support.fleet import Fleet

from runbook_engine.app.project import open_project
from runbook_engine.web.pages.running import section
from runbook_engine.web.source import Source

pytestmark = [pytest.mark.timeout(600)]

BOOK = """\
runbook: book
steps:
  - id: restore
    targets: e1
    timeout: 5m
    command.run:
      shell: 'echo table 1; for word in more end; do while [ ! -e $word ]; do sleep 0.1; done; echo came to $word; done'
      cwd: ROOT
"""


@pytest.fixture
def fleet(runbook, postgres):
    made = Fleet(runbook, postgres)
    yield made
    made.close()


def test_a_workers_output_is_seen_as_it_comes_also_while_nobody_advances_the_run(fleet):
    assert fleet.runbook("journal", "init").status == 0
    fleet.book(BOOK)
    fleet.worker("us-east-1", RUNBOOK_JOURNAL=fleet.role_of_a_worker())
    control = fleet.control("run", "book", "-i", "two.yml", "--yes")
    shown = "SELECT convert_from(data, 'UTF8') FROM live_output WHERE task = 'restore@e1' AND number = 1"
    fleet.wait(lambda: fleet.sql(shown) == [("table 1\n",)])
    project = open_project(fleet.root)
    source = Source(project, project.journal())
    run = source.journal.runs()[0].id
    assert "table 1" in section(source, run)

    control.kill()
    control.wait()
    (fleet.root / "more").touch()
    fleet.wait(lambda: fleet.sql(shown) == [("table 1\ncame to more\n",)])
    other = fleet.control("resume", "--yes", "--take-over")
    fleet.wait(lambda: fleet.sql("SELECT fence FROM leases WHERE name LIKE 'run:%'") == [(2,)])
    assert "came to more" in section(source, run)
    (fleet.root / "end").touch()
    assert fleet.ended(other) == 0, fleet.everything()
    assert fleet.sql("SELECT count(*) FROM live_output") == [(0,)]
    assert source.journal.output(run, "restore@e1", 1) == {"stdout": b"table 1\ncame to more\ncame to end\n"}
    assert "restore" not in section(source, run)
    source.journal.close()
    assert fleet.runbook("audit", "verify").status == 0
    assert "can't be shown" not in fleet.everything(), "the rights that the documentation gives a worker are enough"
