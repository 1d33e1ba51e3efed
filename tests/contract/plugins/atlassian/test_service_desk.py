"""jsm.request and jsm.comment against a fake that is held to Service Management's own OpenAPI document."""

from dataclasses import replace

import pytest
from support.fake_service_desk import EMAIL, TOKEN, FakeServiceDesk
from support.plugins import plugin_catalog
from support.vendor_documents import SERVICE_DESK, document_if_there
from support.vendor_server import busy, dropped, half, html, serve_vendor, unavailable

from runbook_engine.sdk import ActionFailedError, Mode, RunbookError, ServiceUnreachableError
from runbook_engine.testing import ContractCase, check_action_contract
from runbook_engine.testing.context import RUN


@pytest.fixture
def fake():
    return FakeServiceDesk()


@pytest.fixture
def server(fake):
    with serve_vendor(fake, document_if_there(SERVICE_DESK)) as running:
        yield running


@pytest.fixture
def ticket(server):
    """The parameters of a request."""
    return {
        "site": {"url": server.url, "email": EMAIL, "token": TOKEN},
        "service_desk": "10",
        "request_type": "25",
        "summary": "We are moving",
        "description": "Back within the hour. Größe ✓",
    }


@pytest.fixture
def remark(server):
    """The parameters of a comment."""
    return {"site": {"url": server.url, "email": EMAIL, "token": TOKEN}, "request": "HELP-1", "body": "Soon."}


@pytest.fixture
def request_action():
    return plugin_catalog().get("jsm.request")


@pytest.fixture
def comment():
    return plugin_catalog().get("jsm.comment")


def step(name, mode=Mode.LIVE, run="run-1"):
    return RUN.model_copy(update={"id": run, "step": name, "task": f"{name}@localhost", "mode": mode})


def do(action, params, context):
    """Check, apply if need be, check again, as the engine does; gives what apply gave, None when it was not needed."""
    params = action.Params.model_validate(params)
    if action.check(params, context.reading(action, params)).satisfied:
        return None
    applied = action.apply(params, context)
    assert action.check(params, context.reading(action, params)).satisfied
    return applied


def field(item, name):
    return next(value["value"] for value in item["requestFieldValues"] if value["fieldId"] == name)


def test_request_is_raised_once(fake, ticket, request_action, web):
    applied = do(request_action, ticket, web(run=step("raise")))
    [made] = fake.requests
    assert applied.outputs == {"request": "HELP-1", "url": made["_links"]["web"]}
    assert field(made, "summary") == "We are moving"
    text, _, reference = field(made, "description").partition("\n\nReference: ")
    assert text == "Back within the hour. Größe ✓"
    assert reference.startswith("dr-")
    assert do(request_action, ticket, web(run=step("raise"))) is None
    assert len(fake.requests) == 1


def test_each_step_and_run_raises_its_own_unless_they_share_a_key(fake, ticket, request_action, web):
    for params in (ticket, {**ticket, "key": "eu-outage"}):
        for run in (step("raise"), step("raise again"), step("raise", run="run-2")):
            do(request_action, params, web(run=run))
    assert len(fake.requests) == 4


def test_request_is_found_among_many_and_not_taken_for_those_of_others(fake, ticket, request_action, web):
    do(request_action, ticket, web(run=step("raise")))
    ours = fake.requests[0]
    for number in range(120):
        fake.add(summary=f"other {number}", description="Reference: dr-0000000000000000")
    fake.add("11", "25", summary="x", description=field(ours, "description"))
    assert do(request_action, ticket, web(run=step("raise"))) is None


def test_among_too_many_the_check_does_not_pretend_to_know(fake, ticket, request_action, web):
    for number in range(2001):
        fake.add(summary=f"other {number}")
    finding = request_action.check(request_action.Params.model_validate(ticket), web(run=step("another")))
    assert finding.status.value == "unknown"
    assert "there are more" in finding.summary


def test_request_that_shows_late_is_not_raised_twice(fake, ticket, request_action, web):
    fake.lag = 1
    params = request_action.Params.model_validate(ticket)
    first = web(run=step("raise"))
    request_action.apply(params, first)
    # Killed before it could be noted, and resumed at once: the first look finds nothing, the one in apply does.
    again = web(run=step("raise"))
    assert not request_action.check(params, again.reading(request_action, params)).satisfied
    assert request_action.apply(params, again).changed is False
    assert again.clock.monotonic() >= 5
    assert len(fake.requests) == 1


def test_more_fields_go_with_it_and_neither_text_nor_mark_is_lost(fake, ticket, request_action, web):
    params = {**ticket, "description": "", "mark_field": "customfield_10", "fields": {"priority": {"name": "High"}}}
    do(request_action, params, web(run=step("raise")))
    [made] = fake.requests
    assert field(made, "priority") == {"name": "High"}
    assert field(made, "customfield_10").startswith("Reference: dr-")


def test_drill_raises_it_in_the_sandbox_for_nobody(fake, server, ticket, request_action, web):
    drill = web(run=step("raise", Mode.DRILL))
    params = {**ticket, "on_behalf_of": "qm:customer", "participants": ["qm:other"]}
    with pytest.raises(ActionFailedError, match="it is a drill and there is no sandbox service desk"):
        do(request_action, params, drill)
    assert server.seen == []
    do(request_action, {**params, "sandbox": {"service_desk": "11", "request_type": "30"}}, drill)
    [made] = fake.requests
    assert (made["serviceDeskId"], made["requestTypeId"]) == ("11", "30")
    assert field(made, "summary") == "DRILL, not real: We are moving"
    assert fake.told == []
    assert "requestParticipants" not in server.requests("POST")[0].json


def test_live_it_is_raised_for_the_customer(fake, server, ticket, request_action, web):
    params = {**ticket, "on_behalf_of": "qm:customer", "participants": ["qm:other"]}
    do(request_action, params, web(run=step("raise")))
    assert fake.told == [("HELP-1", "qm:customer")]
    assert server.requests("POST")[0].json["requestParticipants"] == ["qm:other"]


@pytest.mark.parametrize("public", [True, False])
def test_comment_is_made_once(fake, remark, comment, web, public):
    fake.add()
    params = {**remark, "public": public}
    applied = do(comment, params, web(run=step("say")))
    [made] = fake.comments["HELP-1"]
    assert made["public"] is public
    assert made["body"].startswith("Soon.\n\nReference: dr-")
    assert applied.outputs == {"request": "HELP-1", "comment": made["id"]}
    assert len(fake.told) == int(public)
    assert do(comment, params, web(run=step("say"))) is None
    do(comment, params, web(run=step("say more")))
    assert len(fake.comments["HELP-1"]) == 2


def test_comment_is_found_beyond_the_first_page(fake, remark, comment, web):
    fake.add()
    fake.comments["HELP-1"] = [{"id": str(number), "body": "x", "public": True} for number in range(75)]
    do(comment, remark, web(run=step("say")))
    assert do(comment, remark, web(run=step("say"))) is None


def test_comment_of_a_drill_goes_to_the_sandbox_request(fake, server, remark, comment, web):
    fake.add()
    fake.add()
    drill = web(run=step("say", Mode.DRILL))
    with pytest.raises(ActionFailedError, match="it is a drill and there is no sandbox request"):
        do(comment, remark, drill)
    assert server.seen == []
    do(comment, {**remark, "sandbox_request": "HELP-2"}, drill)
    assert fake.comments["HELP-1"] == []
    [made] = fake.comments["HELP-2"]
    assert made["body"].startswith("DRILL, not real: Soon.")


def test_comment_on_what_is_not_there_is_told(remark, comment, web):
    with pytest.raises(RunbookError, match=r"HELP-1/comment: status 404: The customer request does not exist\."):
        do(comment, remark, web(run=step("say")))


@pytest.mark.parametrize("request_key", ["../../x", "HELP-1/comment", "HELP", "", "HELP-1?x"])
def test_request_key_that_is_none_is_refused(remark, comment, request_key):
    with pytest.raises(ValueError, match="request"):
        comment.Params.model_validate({**remark, "request": request_key})


LOST = [half(), dropped(applied=True), unavailable(applied=True), busy(504, applied=True), html(applied=True)]


@pytest.mark.parametrize("trouble", LOST, ids=lambda fault: f"{fault.kind} {fault.answer and fault.answer.status}")
def test_lost_answers_make_nothing_twice(fake, server, ticket, remark, request_action, comment, web, trouble):
    fake.lag = 2
    server.fault(replace(trouble, where="^POST .*/request$"), replace(trouble, where="^POST .*/comment$"))
    applied = do(request_action, ticket, web(run=step("raise")))
    assert applied.outputs["request"] == "HELP-1"
    do(comment, remark, web(run=step("say")))
    assert len(fake.requests) == len(fake.comments["HELP-1"]) == 1
    assert len(server.requests("POST")) == 2


def test_what_was_not_taken_is_told_and_not_asked_for_again(fake, server, ticket, request_action, web):
    server.fault(dropped(where="^POST"))
    with pytest.raises(ServiceUnreachableError):
        do(request_action, ticket, web(run=step("raise")))
    assert len(server.requests("POST")) == 1
    assert fake.requests == []


def test_check_shows_what_would_be_asked_for(fake, server, ticket, remark, request_action, comment, web):
    fake.add()
    context = web(run=step("raise"))
    for action, params, what in (
        (request_action, ticket, "request in service desk 10"),
        (comment, {**remark, "public": False}, "internal comment on HELP-1"),
    ):
        valid = action.Params.model_validate(params)
        [change] = action.check(valid, context.reading(action, valid)).changes
        assert change.what == what
        assert "Reference: dr-" in change.after
    assert {seen.method for seen in server.seen} == {"GET"}


def test_both_hold_to_the_contract(fake, server, ticket, remark, request_action, comment, web):
    def world():
        fake.requests.clear()
        fake.comments.clear()
        fake.requests.append({**fake.add("99"), "issueKey": "HELP-1"})
        fake.comments["HELP-1"] = []
        return web(run=step("raise"))

    check_action_contract(request_action, [ContractCase("none yet", ticket, world)])
    check_action_contract(comment, [ContractCase("none yet", remark, world)])
