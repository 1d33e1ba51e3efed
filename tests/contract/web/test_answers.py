"""What people say on the dashboard is in the journal as if they had said it at the command line, with whence."""

import pytest
from support.dashboard import TEAM, served
from support.ticks import Ticks

from runbook_engine.app.project import open_project
from runbook_engine.model.errors import JournalUnavailableError
from runbook_engine.model.event import Actor

from .conftest import make_place


def last(place, run):
    return place.events(run)[-1]


def test_a_gate_is_approved_by_who_has_the_role(stage, place, waiting):
    with stage.login("dana") as dana:
        answer = stage.say(dana, f"/runs/{waiting}/gates/declare@localhost", decision="approve", reason="by phone")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{waiting}")
    stored = last(place, waiting)
    said = stored.event
    assert (said.kind, said.person, said.role, said.reason) == ("gate.approved", "dana", "director", "by phone")
    assert (stored.actor.name, stored.actor.kind) == ("dana", "person")
    assert stored.actor.host.endswith(", by the dashboard from 127.0.0.1")


def test_who_has_not_the_role_is_refused_and_that_is_recorded(stage, place, waiting):
    with stage.login("eli") as eli:
        answer = stage.say(eli, f"/runs/{waiting}/answer", answer="approve", task="declare@localhost")
    assert answer.status_code == 403
    assert "none of the roles director" in answer.text
    assert (last(place, waiting).event.kind, last(place, waiting).actor.name) == ("gate.refused", "eli")


def test_who_has_no_role_looks_on(stage, place, waiting):
    before = place.kinds(waiting)
    with stage.login("vera") as vera:
        assert vera.get(f"/runs/{waiting}").status_code == 200
        for path, form in (
            ("gates/declare@localhost", {"decision": "approve"}),
            ("pause", {}),
            ("notes", {"answer": "note", "text": "x"}),
        ):
            answer = stage.say(vera, f"/runs/{waiting}/{path}", **form)
            assert answer.status_code == 403
            assert "only looks on" in answer.text
    assert place.kinds(waiting) == before


def test_a_run_is_led_to_its_end_from_the_dashboard(stage, place, waiting):
    with stage.login("dana") as dana, stage.login("eli") as eli:
        url = f"/runs/{waiting}"
        assert stage.say(dana, f"{url}/answer", answer="approve", task="declare@localhost").status_code == 303
        assert stage.say(eli, f"{url}/tasks/call@localhost", answer="pass", note="ticket 4711").status_code == 303
        assert stage.say(eli, f"{url}/holds/probe@localhost", decision="skip", reason="known").status_code == 303
        assert stage.say(eli, f"{url}/notes", answer="note", text="  all is well\r\nindeed ").status_code == 303
    assert place.kinds(waiting)[-4:] == ["gate.approved", "manual.answered", "hold.resolved", "note.added"]
    assert last(place, waiting).event.text == "all is well\nindeed"
    assert place.runbook("resume", waiting, "--yes").returncode == 0


def test_orders_are_given_and_what_makes_no_sense_is_told(stage, place, waiting):
    with stage.login("eli") as eli:
        url = f"/runs/{waiting}"
        assert stage.say(eli, f"{url}/pause", reason="the provider calls").status_code == 303
        again = stage.say(eli, f"{url}/pause")
        assert again.status_code == 409
        assert "is paused already" in again.text
        assert stage.say(eli, f"{url}/continue").status_code == 303
        unsure = stage.say(eli, f"{url}/abort", reason="</textarea>a slip of the <finger>")
        assert "&lt;/textarea&gt;a slip of the &lt;finger&gt;</textarea>" in unsure.text, "what was written is not lost"
        assert (unsure.status_code, "nobody said that they are sure" in unsure.text) == (400, True)
        assert stage.say(eli, f"{url}/answer", answer="abort", reason="another", sure="no").status_code == 400
        unreasoned = stage.say(eli, f"{url}/abort", reason=" ", sure="yes")
        assert unreasoned.status_code == 409
        assert "needs a reason" in unreasoned.text
        over = stage.say(eli, f"{url}/abort", reason="the region is back", cancel="yes", sure="yes")
        assert over.status_code == 303
        assert last(place, waiting).event.cancel
        assert place.kinds(waiting)[-3:] == ["run.paused", "run.continued", "run.abort-requested"]


def test_a_held_task_can_end_the_run(stage, place, waiting):
    with stage.login("eli") as eli:
        url = f"/runs/{waiting}/holds"
        assert stage.say(eli, f"{url}/declare@localhost", decision="abort", reason="x", sure="yes").status_code == 409
        assert stage.say(eli, f"{url}/probe@localhost", decision="abort", reason="x").status_code == 400
        assert stage.say(eli, f"{url}/probe@localhost", decision="abort", reason="x", sure="yes").status_code == 303
    assert place.kinds(waiting)[-2:] == ["hold.resolved", "run.abort-requested"]


def test_an_answer_that_comes_too_late_is_told(stage, place, waiting):
    with stage.login("dana") as dana:
        assert stage.say(dana, f"/runs/{waiting}/gates/declare", decision="decline", reason="no").status_code == 303
        late = stage.say(dana, f"/runs/{waiting}/gates/declare", decision="approve")
    assert late.status_code == 409
    assert "declined" in late.text


def test_an_answer_over_another_plan_is_not_taken(stage, place, waiting):
    plan = place.events(waiting)[0].event.fingerprint
    with stage.login("eli") as eli:
        form = {"answer": "retry", "task": "probe@localhost", "reason": "again"}
        other = stage.say(eli, f"/runs/{waiting}/answer", plan="0" * 64, **form)
        assert other.status_code == 409
        assert "another one by now" in other.text
        assert stage.say(eli, f"/runs/{waiting}/answer", plan=plan, **form).status_code == 303


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("answer", {}),
        ("answer", {"answer": "explode"}),
        ("gates/declare@localhost", {}),
        ("gates/declare@localhost", {"decision": "pass"}),
        ("tasks/call@localhost", {"answer": "maybe"}),
        ("holds/probe@localhost", {"decision": "approve"}),
    ],
)
def test_an_answer_that_is_none_is_refused(stage, place, waiting, path, form):
    before = place.kinds(waiting)
    with stage.login("dana") as dana:
        assert stage.say(dana, f"/runs/{waiting}/{path}", **form).status_code == 400
    assert place.kinds(waiting) == before


def test_a_text_that_is_too_long_is_refused(stage, place, waiting):
    before = place.kinds(waiting)
    with stage.login("eli") as eli:
        url = f"/runs/{waiting}"
        assert stage.say(eli, f"{url}/pause", reason="x" * 2001).status_code == 413
        assert stage.say(eli, f"{url}/notes", answer="note", text="x" * 10_001).status_code == 409
        assert stage.say(eli, f"{url}/notes", answer="note", text="ü" * 40_000).status_code == 413
    assert place.kinds(waiting) == before


def test_a_role_that_is_taken_away_counts_at_once(place, waiting):
    ticks = Ticks()
    with served(place.root, now=ticks) as stage, stage.login("dana") as dana:
        (place.root / "team.yml").write_text(TEAM.replace("roles: [director]", "roles: [engineering]"))
        try:
            ticks.later(1)
            answer = stage.say(dana, f"/runs/{waiting}/gates/declare", decision="approve")
            assert answer.status_code == 403
            (place.root / "team.yml").write_text(TEAM.replace("  dana:", "  dina:"))
            ticks.later(1)
            assert dana.get(f"/runs/{waiting}").status_code == 401
        finally:
            (place.root / "team.yml").write_text(TEAM)
    assert place.kinds(waiting)[-1] == "gate.refused"


class Locked:
    """A journal that can be read, and not be written for the moment."""

    def __init__(self, journal):
        self._journal = journal

    def __getattr__(self, name):
        return getattr(self._journal, name)

    def append(self, *_words, **_more):
        raise JournalUnavailableError("the journal is locked by another process for too long", hint="see who holds it")


def test_a_journal_that_can_not_be_written_is_told(place, waiting):
    def locked():
        return Locked(open_project(place.root).journal())

    with served(place.root, journal=locked) as stage, stage.login("dana") as dana:
        answer = stage.say(dana, f"/runs/{waiting}/gates/declare", decision="approve")
        assert answer.status_code == 503
        assert "is locked by another process" in answer.text
        assert "see who holds it" in answer.text
        assert dana.get(f"/runs/{waiting}").status_code == 200


def test_a_run_that_was_pruned_is_shown_and_its_output_is_gone(stage, place):
    pruned = place.run("plain")
    place.run("plain")
    journal = open_project(place.root).journal()
    try:
        journal.prune(pruned, Actor(name="dana"), "old")
    finally:
        journal.close()
    with stage.login("dana") as dana:
        assert dana.get(f"/runs/{pruned}").status_code == 200
        assert dana.get(f"/runs/{pruned}/output/greet@localhost/1").status_code == 410
        assert dana.get(f"/runs/{pruned}/report").status_code == 410
        with dana.stream("GET", f"/runs/{pruned}/events") as stream:
            assert '"status": "succeeded"' in next(line for line in stream.iter_lines() if line.startswith("data"))
        assert stage.say(dana, f"/runs/{pruned}/notes", answer="note", text="x").status_code == 410


def test_who_came_by_the_link_may_act_only_where_there_is_no_team(tmp_path):
    alone = make_place(tmp_path / "alone")
    run = alone.run("gated")
    for team, status in ((TEAM, 403), ("roles: {}\n", 303)):
        (alone.root / "team.yml").write_text(team)
        with served(alone.root) as stage, stage.browser() as guest:
            assert guest.post("/login", data={"token": stage.desk.links.make("guest")}).status_code == 303
            assert guest.get(f"/runs/{run}").status_code == 200
            answer = stage.say(guest, f"/runs/{run}/holds/probe", decision="skip", reason="known")
            assert answer.status_code == status
    assert alone.events(run)[-1].actor.name == "guest"
