"""Worlds in which the contract of the actions for what computes in AWS is tried."""

from support.aws_data_worlds import fake

STANDBY = {"region": "eu-west-1"}


def asg():
    group = {"AutoScalingGroupName": "web", "MinSize": 0, "MaxSize": 4, "DesiredCapacity": 1, "Tags": []}

    def describe(**_):
        instance = {"LifecycleState": "InService", "HealthStatus": "Healthy"}
        return {"AutoScalingGroups": [{**group, "Instances": [instance] * group["DesiredCapacity"]}]}

    def update(**asked):
        group.update(asked)
        return {}

    def tag(**asked):
        group["Tags"] = asked["Tags"]
        return {}

    return fake(
        {
            "autoscaling:describe_auto_scaling_groups": describe,
            "autoscaling:describe_scaling_activities": {"Activities": []},
            "autoscaling:update_auto_scaling_group": update,
            "autoscaling:create_or_update_tags": tag,
        }
    )


def ecs():
    service = {
        "serviceName": "web",
        "serviceArn": "arn:s",
        "status": "ACTIVE",
        "desiredCount": 0,
        "taskDefinition": "w:1",
    }

    def describe(**_):
        return {"services": [{**service, "runningCount": service["desiredCount"]}]}

    def update(**asked):
        service.update(asked)
        return {}

    def tag(**asked):
        service["tags"] = asked["tags"]
        return {}

    return fake({"ecs:describe_services": describe, "ecs:update_service": update, "ecs:tag_resource": tag})


def ec2():
    instances = []

    def describe(**_):
        return {"Reservations": [{"Instances": [dict(one)]} for one in instances]}

    def run(**asked):
        instances.append({"InstanceId": "i-0a", "State": {"Name": "running"}, "ClientToken": asked["ClientToken"]})
        instances[0]["Tags"] = asked["TagSpecifications"][0]["Tags"]
        return {}

    def terminate(**asked):
        assert asked["InstanceIds"] == ["i-0a"]
        instances[0]["State"] = {"Name": "terminated"}
        return {}

    status = {"InstanceId": "i-0a", "InstanceStatus": {"Status": "ok"}, "SystemStatus": {"Status": "ok"}}
    return fake(
        {
            "ec2:describe_instances": describe,
            "ec2:describe_instance_status": {"InstanceStatuses": [status]},
            "ec2:run_instances": run,
            "ec2:terminate_instances": terminate,
        }
    )


def functions():
    codes, alias, tags = {None: "old", "1": "old"}, {"Name": "live", "FunctionVersion": "1"}, {}

    def configuration(**asked):
        return {"FunctionArn": "arn:aws:lambda:r:1:function:f", "CodeSha256": codes[asked.get("Qualifier")]}

    def upload(**_):
        codes[None] = PACKAGE
        return {}

    def publish(**asked):
        codes["2"] = asked["CodeSha256"]
        return {"Version": "2"}

    def point(**asked):
        alias.update(asked)
        return {}

    def tag(**asked):
        tags.update(asked["Tags"])
        return {}

    return fake(
        {
            "lambda:get_function_configuration": configuration,
            "lambda:get_alias": lambda **_: dict(alias),
            "lambda:list_tags": lambda **_: {"Tags": dict(tags)},
            "lambda:tag_resource": tag,
            "lambda:update_function_code": upload,
            "lambda:publish_version": publish,
            "lambda:update_alias": point,
        }
    )


def eks():
    node = {"nodegroupName": "web", "status": "ACTIVE", "resources": {"autoScalingGroups": [{"name": "eks-web"}]}}
    sizes, tags = {"minSize": 0, "maxSize": 4, "desiredSize": 1}, {}

    def update(**asked):
        sizes.update(asked["scalingConfig"])
        return {"update": {"id": "u1"}}

    def group(**_):
        count = sizes["desiredSize"]
        instances = [{"LifecycleState": "InService", "HealthStatus": "Healthy"}] * count
        group = {"AutoScalingGroupName": "eks-web", "MinSize": 0, "MaxSize": 4, "DesiredCapacity": count}
        return {"AutoScalingGroups": [{**group, "Instances": instances}]}

    def tag(**asked):
        tags.update(asked["tags"])
        return {}

    return fake(
        {
            "eks:describe_nodegroup": lambda **_: {"nodegroup": {**node, "scalingConfig": dict(sizes), "tags": tags}},
            "eks:describe_update": {"update": {"status": "Successful"}},
            "eks:update_nodegroup_config": update,
            "eks:tag_resource": tag,
            "autoscaling:describe_auto_scaling_groups": group,
            "autoscaling:describe_scaling_activities": {"Activities": []},
        }
    )


def rule():
    found = {"Name": "nightly", "State": "DISABLED", "Arn": "arn:r"}

    def switch(state):
        return lambda **_: found.update(State=state) or {}

    return fake(
        {
            "events:describe_rule": lambda **_: dict(found),
            "events:enable_rule": switch("ENABLED"),
            "events:disable_rule": switch("DISABLED"),
        }
    )


def health():
    config, tags = {"Inverted": False}, []

    def update(**asked):
        config.update(asked)
        return {}

    def tag(**asked):
        tags[:] = asked["AddTags"]
        return {}

    return fake(
        {
            "route53:get_health_check": lambda **_: {"HealthCheck": {"HealthCheckConfig": dict(config)}},
            "route53:update_health_check": update,
            "route53:list_tags_for_resource": lambda **_: {"ResourceTagSet": {"Tags": list(tags)}},
            "route53:change_tags_for_resource": tag,
        }
    )


PACKAGE = "x" * 43 + "="
CASES = {
    "aws.lambda_deploy": (
        {"function": "f", "package": {"bucket": "rel", "key": "f.zip", "sha256": PACKAGE}, "alias": "live", **STANDBY},
        functions,
    ),
    "aws.eks_nodegroup": ({"cluster": "c", "nodegroup": "web", "min": 2, "desired": 3, **STANDBY}, eks),
    "aws.rule_state": ({"rule": "nightly", "state": "enabled", **STANDBY}, rule),
    "aws.health_check": ({"health_check": "h", "inverted": True, "disabled": True}, health),
    "aws.ec2_launch": ({"name": "web-dr", "launch_template": "web", **STANDBY}, ec2),
    "aws.ecs_service": ({"cluster": "c", "service": "web", "desired": 2, "task_definition": "w:2", **STANDBY}, ecs),
    "aws.asg_capacity": ({"group": "web", "min": 2, "desired": 3, **STANDBY}, asg),
}
