"""What people say on the dashboard is in the journal as if they had said it at the command line, with whence."""

import pytest


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
        unreasoned = stage.say(eli, f"{url}/abort", reason=" ")
        assert unreasoned.status_code == 409
        assert "needs a reason" in unreasoned.text
        assert stage.say(eli, f"{url}/abort", reason="the region is back", cancel="yes").status_code == 303
        assert last(place, waiting).event.cancel
        assert place.kinds(waiting)[-3:] == ["run.paused", "run.continued", "run.abort-requested"]


def test_a_held_task_can_end_the_run(stage, place, waiting):
    with stage.login("eli") as eli:
        url = f"/runs/{waiting}/holds"
        assert stage.say(eli, f"{url}/declare@localhost", decision="abort", reason="x").status_code == 409
        assert stage.say(eli, f"{url}/probe@localhost", decision="abort", reason="x").status_code == 303
    assert place.kinds(waiting)[-2:] == ["hold.resolved", "run.abort-requested"]


def test_an_answer_that_comes_too_late_is_told(stage, place, waiting):
    with stage.login("dana") as dana:
        assert stage.say(dana, f"/runs/{waiting}/gates/declare", decision="decline", reason="no").status_code == 303
        late = stage.say(dana, f"/runs/{waiting}/gates/declare", decision="approve")
    assert late.status_code == 403
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
    from support.dashboard import TEAM, served
    from support.ticks import Ticks

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
