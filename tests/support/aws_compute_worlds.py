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


CASES = {
    "aws.asg_capacity": ({"group": "web", "min": 2, "desired": 3, **STANDBY}, asg),
}
