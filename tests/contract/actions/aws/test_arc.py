"""aws.arc_routing_control against the model: no emulator has ARC's clusters. Each endpoint is a server of its own."""

import pytest
from pydantic import ValidationError
from support.aws_control_worlds import PANEL
from support.aws_model import ModelService
from support.aws_wire import RefusedError

from runbook_engine.actions.aws.arc_cluster import Cluster
from runbook_engine.actions.aws.arc_routing_control import ArcRoutingControl
from runbook_engine.sdk import ActionFailedError, AwsError, ServiceUnreachableError

ACTION = ArcRoutingControl()
HERE, THERE = f"{PANEL}/routingcontrol/a", f"{PANEL}/routingcontrol/b"
RULE = f"{PANEL}/safetyrule/c"
UPDATE = "route53-recovery-cluster:UpdateRoutingControlStates"
READ = "route53-recovery-cluster:GetRoutingControlState"
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-southeast-2")
DEAD = "http://127.0.0.1:9"


class Arc(ModelService):
    """A cluster with two routing controls, and a safety rule that wants one of them on."""

    service = "route53-recovery-cluster"

    def __init__(self):
        self.states, self.updates = {HERE: "On", THERE: "Off"}, []

    def get_routing_control_state(self, asked, region):
        if asked["RoutingControlArn"] not in self.states:
            raise RefusedError("ResourceNotFoundException", "no such control")
        return {
            "RoutingControlArn": asked["RoutingControlArn"],
            "RoutingControlState": self.states[asked["RoutingControlArn"]],
        }

    def update_routing_control_states(self, asked, region):
        entries = asked["UpdateRoutingControlStateEntries"]
        wanted = {**self.states, **{entry["RoutingControlArn"]: entry["RoutingControlState"] for entry in entries}}
        if "On" not in wanted.values() and RULE not in asked.get("SafetyRulesToOverride", []):
            raise RefusedError("ConflictException", "AtLeastOne evaluated to false")
        self.states = wanted
        self.updates.append(region)
        return {}


@pytest.fixture
def fake():
    return Arc()


@pytest.fixture
def cluster(modelled, fake):
    return {region: modelled(fake) for region in REGIONS}


@pytest.fixture
def context(cloud):
    return cloud(DEAD)


def params(cluster, dead=(), **more):
    endpoints = {region: DEAD if region in dead else faults.endpoint for region, faults in cluster.items()}
    return {"endpoints": endpoints, "controls": {HERE: "Off", THERE: "On"}, "region": "eu-west-1", **more}


def calls(cluster, operation):
    return sum(faults.count(operation) for faults in cluster.values())


def test_traffic_is_turned_once_and_turned_back(cluster, fake, context, step, look):
    finding = look(ACTION, params(cluster), context)
    assert [(change.what, change.before, change.after) for change in finding.changes] == [
        ("controlpanel/0a/routingcontrol/a", "On", "Off"),
        ("controlpanel/0a/routingcontrol/b", "Off", "On"),
    ]
    assert calls(cluster, UPDATE) == 0
    outcome, _, outputs = step(ACTION, params(cluster), context)
    assert (outcome, fake.states) == ("changed", {HERE: "Off", THERE: "On"})
    assert outputs["states"] == fake.states
    assert outputs["previous"] == {HERE: "On", THERE: "Off"}
    assert fake.updates == [outputs["endpoint"]]
    assert step(ACTION, params(cluster), context)[0] == "unchanged"
    assert calls(cluster, UPDATE) == 1
    ACTION.revert(ACTION.Params.model_validate(params(cluster)), context.with_recorded(outputs))
    assert fake.states == {HERE: "On", THERE: "Off"}


def test_one_endpoint_of_five_is_enough(cluster, fake, context, step):
    outcome, _, outputs = step(ACTION, params(cluster, dead=set(REGIONS) - {"us-west-2"}), context)
    assert (outcome, outputs["endpoint"]) == ("changed", "us-west-2")


def test_when_none_answers_each_is_named(cluster, context, look):
    with pytest.raises(ServiceUnreachableError, match="none of the cluster's endpoints answers") as failed:
        look(ACTION, params(cluster, dead=REGIONS), context)
    assert all(region in failed.value.message for region in REGIONS)


@pytest.mark.parametrize(
    "code", ["EndpointTemporarilyUnavailableException", "InternalServerException", "ThrottlingException"]
)
def test_an_endpoint_that_is_not_well_is_passed_over(cluster, fake, context, step, code):
    for region in REGIONS[1:]:
        cluster[region].refuse(READ, code, times=9)
        cluster[region].refuse(UPDATE, code, times=9)
    assert step(ACTION, params(cluster), context)[0] == "changed"
    assert fake.updates == [REGIONS[0]]
    assert all(faults.count(READ) <= 3 for region, faults in cluster.items() if region != REGIONS[0])


def test_a_lost_answer_is_looked_after_and_nothing_is_sent_twice(cluster, fake, context, step):
    for faults in cluster.values():
        faults.lose_reply(UPDATE)
    assert step(ACTION, params(cluster), context)[0] == "changed"
    assert len(fake.updates) == calls(cluster, UPDATE) == 1


def test_a_request_that_did_not_arrive_is_sent_to_another(cluster, fake, context, step):
    for faults in list(cluster.values())[1:]:
        faults.lose_request(UPDATE)
    assert step(ACTION, params(cluster), context)[0] == "changed"
    assert len(fake.updates) == 1


def test_a_safety_rule_is_explained_and_may_be_overridden(cluster, fake, context, step):
    both = params(cluster, controls={HERE: "Off", THERE: "Off"})
    with pytest.raises(ActionFailedError, match=r"a safety rule forbids it.*AtLeastOne") as failed:
        step(ACTION, both, context)
    assert "override_rules" in failed.value.hint
    assert calls(cluster, UPDATE) == 1
    assert step(ACTION, {**both, "override_rules": [RULE]}, context)[0] == "changed"


def test_what_all_endpoints_would_say_is_said_at_once(cluster, context, look):
    with pytest.raises(AwsError, match="no such control"):
        look(ACTION, params(cluster, controls={f"{HERE}x": "On"}), context)
    assert calls(cluster, READ) == 1


def test_the_order_is_by_chance_and_sticks_to_what_answers(cluster, context):
    first = set()
    for turn in range(len(REGIONS)):
        asked = Cluster(
            ACTION.Params.model_validate(params(cluster)),
            context,
            params(cluster)["endpoints"],
            shuffle=lambda order, turn=turn: order.insert(0, order.pop(turn)),
        )
        asked.states([HERE, THERE])
        first.add(asked.region)
    assert first == set(REGIONS)
    assert all(faults.count(READ) == 2 for faults in cluster.values())


def test_a_revert_without_a_record_says_so(cluster, context):
    with pytest.raises(ActionFailedError, match="not recorded"):
        ACTION.revert(ACTION.Params.model_validate(params(cluster)), context.with_recorded({}))


@pytest.mark.parametrize(("word", "state"), [(True, "On"), (False, "Off"), ("on", "On"), ("OFF", "Off")])
def test_on_and_off_are_read_however_yaml_gives_them(word, state):
    given = {"endpoints": {"eu-west-1": DEAD + "/"}, "controls": {HERE: word}, "region": "eu-west-1"}
    assert ACTION.Params.model_validate(given).controls == {HERE: state}


@pytest.mark.parametrize(
    "wrong", [{"controls": {HERE: "Half"}}, {"controls": {"a": "On"}}, {"endpoints": {"eu-west-1": "http://x"}}]
)
def test_what_is_no_control_or_endpoint_is_refused(wrong):
    given = {"endpoints": {"eu-west-1": "https://x/v1"}, "controls": {HERE: "On"}, "region": "eu-west-1"}
    with pytest.raises(ValidationError):
        ACTION.Params.model_validate({**given, **wrong})
