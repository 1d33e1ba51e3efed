"""statuspage.incident and statuspage.component against a fake that is held to Statuspage's own OpenAPI document."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from support.fake_statuspage import KEY, FakeStatuspage
from support.plugins import plugin_catalog
from support.vendor_documents import STATUSPAGE, Answer, document_if_there
from support.vendor_server import busy, dropped, half, html, serve_vendor, silence, unavailable

from runbook_engine.sdk import ActionFailedError, DeadlineError, Mode, RunbookError, ServiceUnreachableError
from runbook_engine.testing import ContractCase, check_action_contract
from runbook_engine.testing.context import RUN


@pytest.fixture
def fake():
    return FakeStatuspage()


@pytest.fixture
def server(fake):
    with serve_vendor(fake, document_if_there(STATUSPAGE), "/v1") as running:
        yield running


@pytest.fixture
def service(server):
    return {"page": "page1", "sandbox_page": "sandbox1", "token": KEY, "url": server.url}


@pytest.fixture
def incident():
    return plugin_catalog().get("statuspage.incident")


@pytest.fixture
def component():
    return plugin_catalog().get("statuspage.component")


OPEN = {"name": "We are moving", "status": "identified", "body": "Back within the hour. Größe ✓"}


def step(name, mode=Mode.LIVE, run="run-1"):
    return RUN.model_copy(update={"id": run, "step": name, "task": f"{name}@localhost", "mode": mode})


def do(action, params, context):
    """Check, apply if need be, check again, as the engine does; gives what apply gave, None when it was not needed."""
    params = action.Params.model_validate(params)
    before = action.check(params, context.reading(action, params))
    if before.satisfied:
        return None
    applied = action.apply(params, context)
    assert action.check(params, context.reading(action, params)).satisfied
    return applied


def test_incident_is_opened_updated_and_resolved(fake, service, incident, web):
    opened = do(incident, {"statuspage": service, **OPEN}, web(run=step("open")))
    more = {"statuspage": service, "status": "monitoring", "body": "We watch it."}
    updated = do(incident, more, web(run=step("update")))
    resolved = do(incident, {**more, "status": "resolved", "body": "Over."}, web(run=step("resolve")))
    [made] = fake.pages["page1"]
    assert [update["body"] for update in reversed(made["incident_updates"])] == [OPEN["body"], "We watch it.", "Over."]
    assert made["status"] == "resolved"
    assert opened.outputs == updated.outputs == resolved.outputs
    assert opened.outputs == {"page": "page1", "incident": made["id"], "url": "https://stspg.io/page1"}
    assert [text for _, _, text in fake.told] == [OPEN["body"], "We watch it.", "Over."]


@pytest.mark.parametrize("replaces", [True, False])
def test_what_was_said_is_not_said_again(fake, service, incident, web, replaces):
    fake.replaces = replaces
    steps = [
        ("open", {"statuspage": service, **OPEN}),
        ("update", {"statuspage": service, "status": "monitoring", "body": OPEN["body"]}),
        ("resolve", {"statuspage": service, "status": "resolved", "body": "Over."}),
    ]
    for name, params in steps:
        do(incident, params, web(run=step(name)))
    told = list(fake.told)
    for name, params in steps:
        assert do(incident, params, web(run=step(name))) is None
    assert fake.told == told
    assert len(told) == 3


def test_another_run_opens_another_incident_unless_it_is_given_the_same_key(fake, service, incident, web):
    keyed = {"statuspage": service, "key": "eu-outage", **OPEN}
    do(incident, {"statuspage": service, **OPEN}, web(run=step("open")))
    do(incident, {"statuspage": service, **OPEN}, web(run=step("open", run="run-2")))
    do(incident, keyed, web(run=step("keyed")))
    do(incident, keyed, web(run=step("keyed", run="run-2")))
    assert [len(item["incident_updates"]) for item in fake.pages["page1"]] == [2, 1, 1]


def test_key_of_an_incident_that_is_over_opens_a_new_one(fake, service, incident, web):
    keyed = {"statuspage": service, "key": "eu-outage", **OPEN}
    do(incident, keyed, web(run=step("open")))
    do(incident, {**keyed, "status": "resolved"}, web(run=step("resolve")))
    do(incident, keyed, web(run=step("open", run="next-year")))
    assert [item["status"] for item in fake.pages["page1"]] == ["identified", "resolved"]


def test_two_steps_at_once_speak_of_one_incident(fake, service, incident, web):
    """Whoever looks while the other has looked, too, would open a second one: here they meet, if they can."""
    meeting, real = threading.Barrier(2), fake.answer

    def answer(seen):
        if seen.path.endswith("/unresolved") and not fake.told:
            with suppress(threading.BrokenBarrierError):
                meeting.wait(1)
        return real(seen)

    fake.answer = answer
    params = incident.Params.model_validate({"statuspage": {**service, "pace": "0s"}, **OPEN})
    with ThreadPoolExecutor(2) as threads:
        runs = [step("one"), step("two")]
        done = [threads.submit(incident.apply, params, WaitingContext.of(web(run=run))) for run in runs]
        assert {future.result().outputs["incident"] for future in done} == {"inc1"}
    assert len(fake.pages["page1"]) == 1
    assert len(fake.told) == 2


def test_who_waits_for_a_turn_waits_no_longer_than_the_step(atlassian, web):
    alone = atlassian["turns"].alone
    with alone(web(), "a page"):
        with pytest.raises(DeadlineError), alone(web(timeout=1), "a page"):
            pytest.fail("two at once")
        with alone(web(), "another page"):
            pass
    with alone(web(timeout=1), "a page"):
        pass


def test_incidents_and_metadata_of_others_are_left_alone(fake, service, incident, web):
    theirs = fake.add("page1", name="Other", status="investigating", metadata={"jira": {"issue_id": "A-1"}})
    do(incident, {"statuspage": service, **OPEN}, web(run=step("open")))
    ours = fake.pages["page1"][0]
    ours["metadata"]["jira"] = {"issue_id": "A-2"}
    do(incident, {"statuspage": service, "status": "monitoring", "body": "…"}, web(run=step("update")))
    assert theirs["metadata"] == {"jira": {"issue_id": "A-1"}}
    assert theirs["incident_updates"] == []
    assert ours["metadata"]["jira"] == {"issue_id": "A-2"}


def test_ours_is_found_among_many(fake, service, incident, web):
    do(incident, {"statuspage": service, **OPEN}, web(run=step("open")))
    for number in range(150):
        fake.add("page1", name=f"other {number}", status="investigating")
    assert do(incident, {"statuspage": service, **OPEN}, web(run=step("open"))) is None


def test_step_that_opens_nothing_says_that_there_is_nothing(fake, service, incident, web):
    params = {"statuspage": service, "status": "resolved", "body": "Over."}
    with pytest.raises(ActionFailedError, match=r"there is no open incident 'run-1' on the page") as failed:
        do(incident, params, web(run=step("resolve")))
    assert "give name" in failed.value.hint
    assert fake.pages["page1"] == []


def test_components_are_set_by_id_or_name(fake, service, incident, web):
    params = {"statuspage": service, "components": {"API": "major_outage", "page1c2": "partial_outage"}, **OPEN}
    do(incident, params, web(run=step("open")))
    assert [item["status"] for item in fake.components["page1"]] == ["major_outage", "partial_outage"]


def test_unknown_or_ambiguous_component_is_told_before_anything_is_said(fake, service, incident, web):
    for names, words in (({"Apl": "major_outage"}, "has no component 'Apl'"), ({"API": "major_outage"}, "has 2 comp")):
        fake.components["page1"][1]["name"] = "API"
        params = incident.Params.model_validate({"statuspage": service, "components": names, **OPEN})
        for hand in (incident.check, incident.apply):
            with pytest.raises(ActionFailedError, match=words):
                hand(params, web(run=step("open")))
    assert fake.told == []


def test_drill_goes_to_the_sandbox_page_and_notifies_nobody(fake, service, incident, web):
    do(incident, {"statuspage": service, **OPEN}, web(run=step("open", Mode.DRILL)))
    assert fake.pages["page1"] == []
    [made] = fake.pages["sandbox1"]
    assert made["name"] == "DRILL, not real: We are moving"
    assert made["incident_updates"][0]["body"].startswith("DRILL, not real: Back")
    assert fake.told == []


def test_drill_without_a_sandbox_page_is_marked_and_notifies_nobody(fake, service, incident, web):
    do(incident, {"statuspage": {**service, "sandbox_page": None}, **OPEN}, web(run=step("open", Mode.DRILL)))
    [made] = fake.pages["page1"]
    assert made["name"].startswith("DRILL, not real: ")
    assert fake.told == []


def test_nobody_is_told_where_that_is_asked_for(fake, service, incident, web):
    do(incident, {"statuspage": service, "notify": False, **OPEN}, web(run=step("open")))
    assert len(fake.pages["page1"]) == 1
    assert fake.told == []


def test_check_shows_what_would_be_said_and_sends_nothing(fake, server, service, incident, web):
    params = {"statuspage": service, "components": {"API": "major_outage"}, **OPEN}
    params = incident.Params.model_validate(params)
    context = web(run=step("open"))
    [change] = incident.check(params, context.reading(incident, params)).changes
    assert change.what == "incident on page page1"
    assert change.after.splitlines() == [
        "We are moving",
        "identified: Back within the hour. Größe ✓",
        "page1c1: major_outage",
        "subscribers are told",
    ]
    assert {seen.method for seen in server.seen} == {"GET"}


LOST = [silence(), half(), dropped(applied=True), unavailable(applied=True), html(applied=True)]


@pytest.mark.parametrize("trouble", LOST, ids=lambda fault: fault.kind)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_answer_that_is_lost_after_it_was_done_says_nothing_twice(
    fake, server, service, incident, web, trouble, method
):
    more = {"statuspage": service, "status": "monitoring", "body": "We watch it."}
    server.fault(replace(trouble, where=f"^{method} "))
    do(incident, {"statuspage": service, **OPEN}, Impatient.context(web(run=step("open"))))
    do(incident, more, Impatient.context(web(run=step("update"))))
    assert len(fake.pages["page1"]) == 1
    assert [text for _, _, text in fake.told] == [OPEN["body"], "We watch it."]


@pytest.mark.parametrize("trouble", [dropped(where="^POST"), unavailable(where="^POST"), html(where="^POST")])
def test_answer_that_is_lost_before_it_was_done_is_told(fake, server, service, incident, web, trouble):
    server.fault(trouble)
    with pytest.raises(ServiceUnreachableError):
        do(incident, {"statuspage": service, **OPEN}, web(run=step("open")))
    assert fake.pages["page1"] == []
    assert len(server.requests("POST")) == 1


def test_refusal_to_show_it_leaves_a_lost_change_in_doubt(fake, server, service, incident, web):
    server.fault(dropped(where="^POST", applied=True))
    context, real = web(run=step("open"), timeout=300), fake.answer
    fake.answer = lambda seen: real(seen) if fake.told == [] else Answer(401, {"error": "Could not authenticate"})
    params = incident.Params.model_validate({"statuspage": service, **OPEN})
    with pytest.raises(ServiceUnreachableError, match="POST"):
        incident.apply(params, context)


def test_limits_are_waited_for(fake, server, service, incident, web):
    server.fault(busy(420, 60, where="^GET"), busy(retry_after=30, where="^POST"))
    context = web(run=step("open"))
    do(incident, {"statuspage": service, **OPEN}, context)
    assert context.clock.monotonic() >= 90
    assert len(fake.told) == 1


def test_one_request_a_second(server, service, incident, web):
    context = web(run=step("open"))
    do(incident, {"statuspage": service, **OPEN}, context)
    assert context.clock.monotonic() >= len(server.seen) - 1


def test_wrong_key_is_told_unsaid(service, incident, web):
    with pytest.raises(RunbookError, match="status 401: Could not authenticate") as failed:
        do(incident, {"statuspage": {**service, "token": "wrong-key"}, **OPEN}, web(run=step("open")))
    assert "wrong-key" not in f"{failed.value} {failed.value.hint}"


def test_incident_holds_to_the_contract(server, fake, service, incident, web):
    def world(**hands):
        fake.pages["page1"].clear()
        return web(run=step("open"), **hands)

    check_action_contract(incident, [ContractCase("none yet", {"statuspage": service, **OPEN}, world)])


def test_component_holds_to_the_contract(server, fake, service, component, web):
    def world(status):
        def make():
            fake.components["page1"][0]["status"] = status
            return web()

        return make

    params = {"statuspage": service, "component": "API", "status": "major_outage"}
    check_action_contract(
        component,
        [
            ContractCase("up", params, world("operational")),
            ContractCase("down already", params, world("major_outage")),
        ],
    )


def test_component_is_set_and_put_back(fake, service, component, web):
    params = {"statuspage": service, "component": "page1c2", "status": "under_maintenance"}
    fake.components["page1"][1]["status"] = "degraded_performance"
    context = web()
    applied = do(component, params, context)
    assert fake.components["page1"][1]["status"] == "under_maintenance"
    component.revert(component.Params.model_validate(params), context.with_recorded(applied.outputs))
    assert [item["status"] for item in fake.components["page1"]] == ["operational", "degraded_performance"]


def test_component_in_a_drill_is_the_sandboxs(fake, service, component, web):
    params = {"statuspage": service, "component": "API", "status": "major_outage"}
    do(component, params, web(run=step("down", Mode.DRILL)))
    assert fake.components["page1"][0]["status"] == "operational"
    assert fake.components["sandbox1"][0]["status"] == "major_outage"
    params["statuspage"] = {**service, "sandbox_page": None}
    with pytest.raises(ActionFailedError, match="it is a drill and there is no sandbox page"):
        do(component, params, web(run=step("down", Mode.DRILL)))


class WaitingContext:
    """A context whose pauses take real, short time, too, as two threads need it that wait for each other."""

    @classmethod
    def of(cls, context):
        made = cls()
        made.__dict__.update(
            {name: getattr(context, name) for name in ("http", "clock", "run", "progress", "remaining")}
        )
        return made

    def pause(self, seconds):
        threading.Event().wait(min(seconds, 0.01))


class Impatient:
    """HTTP that gives up on an answer after two seconds."""

    def __init__(self, http):
        self._http = http

    @classmethod
    def context(cls, context):
        context.http = cls(context.http)
        return context

    def request(self, method, url, **more):
        return self._http.request(method, url, **{**more, "timeout": 2})
