"""Worlds in which the contract of the actions that steer AWS is tried: parameters, and what makes the hands."""

from datetime import UTC, datetime

from runbook_engine.testing import FakeAws, aws_error, make_context

TEMPLATE = '{"Resources": {}}'


def stack():
    stacks, sets = [], {}

    def describe(**_):
        if not stacks:
            raise aws_error("ValidationError", "Stack with id app does not exist")
        return {"Stacks": list(stacks)}

    def make(**asked):
        sets[asked["ChangeSetName"]] = {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE", "asked": asked}
        return {}

    def look(**asked):
        if asked["ChangeSetName"] not in sets:
            raise aws_error("ChangeSetNotFound")
        return sets[asked["ChangeSetName"]]

    def execute(**asked):
        sets[asked["ChangeSetName"]]["ExecutionStatus"] = "EXECUTE_COMPLETE"
        tags = sets[asked["ChangeSetName"]]["asked"]["Tags"]
        stacks.append({"StackId": "arn:app", "StackStatus": "CREATE_COMPLETE", "Tags": tags})
        return {}

    def delete(**_):
        stacks.clear()
        return {}

    script = {
        "cloudformation:describe_stacks": describe,
        "cloudformation:get_template": {"TemplateBody": TEMPLATE},
        "cloudformation:get_template_summary": {"Parameters": []},
        "cloudformation:create_change_set": make,
        "cloudformation:describe_change_set": look,
        "cloudformation:execute_change_set": execute,
        "cloudformation:delete_stack": delete,
        "cloudformation:list_change_sets": {"Summaries": []},
    }
    return make_context(cloud=FakeAws(script), project={"t.json": TEMPLATE.encode()})


def ssm():
    sent = []

    def send(**asked):
        facts = {"CommandId": "c-1", "Status": "Success", "TargetCount": 1, "CompletedCount": 1}
        sent.append(
            {**facts, "Comment": asked["Comment"], "RequestedDateTime": datetime(2026, 11, 23, 8, 55, tzinfo=UTC)}
        )
        return {"Command": sent[-1]}

    script = {
        "ssm:list_commands": lambda **_: {"Commands": list(sent)},
        "ssm:send_command": send,
        "ssm:list_command_invocations": {"CommandInvocations": [{"InstanceId": "i-0123456789abcdef0"}]},
        "ssm:get_command_invocation": {"Status": "Success", "ResponseCode": 0, "StandardOutputContent": "ok\n"},
    }
    return make_context(cloud=FakeAws(script))


PANEL = "arn:aws:route53-recovery-control::123456789012:controlpanel/0a"
CLUSTER = {
    "endpoints": {"us-east-1": "https://one.example.com/v1", "eu-west-1": "https://two.example.com/v1"},
    "controls": {f"{PANEL}/routingcontrol/a": "Off", f"{PANEL}/routingcontrol/b": "On"},
}


def arc():
    states = dict.fromkeys(CLUSTER["controls"], "Off") | {f"{PANEL}/routingcontrol/a": "On"}

    def update(**asked):
        for entry in asked["UpdateRoutingControlStateEntries"]:
            states[entry["RoutingControlArn"]] = entry["RoutingControlState"]
        return {}

    script = {
        "route53-recovery-cluster:get_routing_control_state": lambda **asked: {
            "RoutingControlState": states[asked["RoutingControlArn"]]
        },
        "route53-recovery-cluster:update_routing_control_states": update,
    }
    return make_context(cloud=FakeAws(script))


STANDBY = {"region": "eu-west-1"}
CASES = {
    "aws.arc_routing_control": ({**CLUSTER, **STANDBY}, arc),
    "aws.cfn_deploy": ({"stack": "app", "template": "t.json", **STANDBY}, stack),
    "aws.ssm_command": ({"tags": {"role": ["web"]}, "commands": ["systemctl start app"], **STANDBY}, ssm),
}
