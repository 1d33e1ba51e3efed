"""Lists: runs page by page, runbooks, what is due, the journal's check."""

import threading

import pytest
from support.dashboard_stage import DANA
from support.html_tree import Tree
from support.simulation import VirtualClock

from runbook_engine.app.check_once import JournalCheck
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.errors import JournalError, UsageError
from runbook_engine.model.event import Actor, RunClosed, RunOpened
from runbook_engine.web.pages import compliance, journal, run, runbook, runbooks, runs
from runbook_engine.web.source import Source


@pytest.fixture(scope="module")
def many(stage):
    """Sixty runs: each third one a drill of another runbook; all but the newest two ended."""
    made = MemoryJournal(VirtualClock())
    for number in range(60):
        drill = number % 3 == 0
        opened = RunOpened(
            runbook="other" if drill else "failover", inventory="demo", mode="drill" if drill else "live",
            fingerprint="f", engine_version="1",
        )  # fmt: skip
        made.open_run(f"run-{number:02}", opened, Actor(name="dana"))
        if number < 58:
            status = "failed" if number % 10 == 0 else "succeeded"
            made.append(f"run-{number:02}", [RunClosed(status=status)], Actor(name="dana"))
    return Source(stage.project, made)


def listed(source, **query):
    """Read all pages one after the other, as somebody does who follows their links."""
    found, address = [], "/?" + "&".join(f"{name}={value}" for name, value in query.items())
    while address:
        query = dict(part.split("=") for part in address.partition("?")[2].split("&") if part)
        tree = Tree(runs.page(source, DANA, query))
        here = [one["href"] for one in tree.all("a") if one.get("class") == "card"]
        assert len(here) <= runs.PER_PAGE
        found += here
        following = tree.all("a", rel="next")
        address = following[0]["href"] if following else ""
    return found


def test_all_runs_are_on_some_page_once_newest_first(many):
    assert listed(many) == [f"/runs/run-{number:02}" for number in reversed(range(60))]


@pytest.mark.parametrize(
    ("query", "number"),
    [({"runbook": "other"}, 20), ({"mode": "live"}, 40), ({"status": "failed"}, 6), ({"status": "stopped"}, 2), ({"status": "running"}, 0),
     ({"status": "failed", "mode": "drill"}, 2), ({"runbook": "nothing"}, 0)],
)  # fmt: skip
def test_runs_are_chosen(many, query, number):
    assert len(listed(many, **query)) == number


def test_a_page_goes_on_where_the_one_before_ended_though_runs_come_in_between(many):
    first = Tree(runs.page(many, DANA, {}))
    before = first.all("a", rel="next")[0]["href"].partition("before=")[2]
    assert before == "run-35"
    second = Tree(runs.page(many, DANA, {"before": before}))
    assert second.all("a", **{"class": "card"})[0]["href"] == "/runs/run-34"


def test_to_go_on_before_a_run_that_is_none_is_refused(many):
    with pytest.raises(UsageError, match="there is no run"):
        runs.page(many, DANA, {"before": "nothing"})


def test_before_the_first_run_it_says_how_to_make_one(stage):
    assert "Nothing was ever run here" in runs.page(Source(stage.project, MemoryJournal()), DANA, {})


def test_a_run_that_waits_says_for_whom(stage, gated):
    assert "declare@localhost waits for director" in Tree(runs.page(stage.source, DANA, {})).text
    assert gated in runs.page(stage.source, DANA, {"status": "waiting"})


def test_runbooks_say_what_is_due(stage):
    tree = Tree(runbooks.page(stage.source, DANA, {}))
    assert "Fail over to the standby region" in tree.text
    assert "drill: was never done" in tree.text


def test_a_runbook_that_is_not_valid_is_listed_and_says_where(stage):
    broken = stage.root / "runbooks" / "broken.yml"
    broken.write_text("runbook: broken\nsteps: [{id: a, id: b}]\n")
    try:
        assert "broken" in Tree(runbooks.page(stage.source, DANA, {})).text
        assert "runbooks/broken.yml:2" in Tree(runbook.page(stage.source, DANA, {"name": "broken"})).text
    finally:
        broken.unlink()


def test_a_runbook_of_very_many_steps_has_no_picture_and_says_what_draws_it(stage):
    long = stage.root / "runbooks" / "long.yml"
    steps = "".join(f"  - {{id: s{number}, assert.that: {{that: [true]}}}}\n" for number in range(200))
    long.write_text(f"runbook: long\ntitle: Long\nsteps:\n{steps}")
    try:
        page = runbook.page(stage.source, DANA, {"name": "long"})
    finally:
        long.unlink()
    assert 'class="graph"' not in page
    assert "200 steps are too many for a picture" in Tree(page).text
    assert "s199" in page


def test_a_runbook_shows_objectives_inputs_graph_and_runs(stage, gated):
    tree = Tree(runbook.page(stage.source, DANA, {"name": "failover"}))
    assert {"Recovery time objective 2h", "Where the standby is"} <= {
        part for part in ("Recovery time objective 2h", "Where the standby is") if part in tree.text
    }
    assert tree.all("svg", **{"class": "graph"})
    assert f"/runs/{gated}" in [one.get("href") for one in tree.all("a")]


@pytest.mark.parametrize("name", ["nothing", "../team", "failover.yml", ""])
def test_a_runbook_that_is_not_there_is_told(stage, name):
    with pytest.raises(UsageError, match="there is no runbook"):
        runbook.page(stage.source, DANA, {"name": name})


def test_compliance_says_how_many_duties_are_not_kept(stage):
    tree = Tree(compliance.page(stage.source, DANA, {}))
    assert "2 of 3 duties are not kept" in tree.text
    assert "policy BCDR 4, BCDR 6" in tree.text


def test_the_journal_is_checked_when_it_is_asked_for(stage, gated, rehearsed):
    assert "checked" not in Tree(journal.page(stage.source, DANA, {})).text
    assert "the whole journal" in Tree(journal.page(stage.source, DANA, {"check": "yes"})).text
    one = Tree(journal.page(stage.source, DANA, {"check": "yes", "run": gated}))
    assert f"run {gated}: 1 record" in one.text


class Counted(MemoryJournal):
    """A journal that counts its checks, each of which waits until it may end."""

    checks = 0
    damaged = False

    def __init__(self):
        super().__init__(VirtualClock())
        self.may_end = threading.Semaphore(0)

    def verify(self, run=None):
        self.checks += 1
        self.may_end.acquire(timeout=60)
        if self.damaged:
            raise JournalError("its pages are torn")
        return []


def test_a_big_journal_is_checked_once_for_all_who_ask_while_its_page_comes_at_once(stage):
    made, now = Counted(), [0.0]
    opened = RunOpened(runbook="failover", inventory="demo", mode="live", fingerprint="f", engine_version="1")
    for number in range(201):
        made.open_run(f"run-{number}", opened, Actor(name="dana"))
    source = Source(stage.project, made, check=JournalCheck(clock=lambda: now[0]))

    def seen():
        return journal.page(source, DANA, {"check": "yes"})

    def over():
        (thread,) = [one for one in threading.enumerate() if one.name == "journal check"]
        made.may_end.release()
        thread.join(60)

    for _ in range(20):
        page = seen()
        assert "is being checked since" in page
        assert 'http-equiv="refresh"' in page
        assert "about 201 runs" in page
    over()
    for _ in range(20):
        assert "the whole journal: 201 records" in Tree(seen()).text
    assert made.checks == 1, "forty pages, and one check"
    now[0] = 61.0
    made.damaged = True
    assert "is being checked since" in seen()
    over()
    for _ in range(3):
        with pytest.raises(JournalError, match="torn"):
            seen()
    assert made.checks == 2


def test_a_pruned_run_is_told_as_one(stage):
    made = MemoryJournal(VirtualClock())
    for number in range(2):
        opened = RunOpened(runbook="failover", inventory="demo", mode="live", fingerprint="f", engine_version="1")
        made.open_run(f"run-{number}", opened, Actor(name="dana"))
        made.append(f"run-{number}", [RunClosed(status="succeeded")], Actor(name="dana"))
    made.prune("run-0", Actor(name="dana"), "too old")
    source = Source(stage.project, made)
    assert "were removed on purpose" in Tree(run.page(source, DANA, {"run": "run-0"})).text
    assert "too old" in Tree(journal.page(source, DANA, {"check": "yes"})).text
