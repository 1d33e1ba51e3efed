"""What a standby region keeps ready, as `runbook lab up` makes it."""

import boto3
from botocore.config import Config


def test_capacity_waits_at_zero_and_the_secret_is_in_both_regions(tmp_path, running_lab):
    with running_lab(tmp_path, "--capacity") as (lab, _):
        session = boto3.session.Session(aws_access_key_id="lab", aws_secret_access_key="lab")
        config = Config(proxies={}, retries={"total_max_attempts": 1})

        def aws(service, region):
            return session.client(service, region, endpoint_url=lab.aws_endpoint, config=config)

        for region, ready in ((lab.primary_region, 2), (lab.standby_region, 0)):
            scaling = aws("autoscaling", region)
            group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["reviews"])["AutoScalingGroups"][0]
            assert [instance["LifecycleState"] for instance in group["Instances"]] == ["InService"] * ready
            scaling.update_auto_scaling_group(AutoScalingGroupName="reviews", DesiredCapacity=2)
            group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["reviews"])["AutoScalingGroups"][0]
            assert len(group["Instances"]) == 2
        secrets = {
            aws("secretsmanager", region).get_secret_value(SecretId="reviews/database")["SecretString"]
            for region in (lab.primary_region, lab.standby_region)
        }
        assert len(secrets) == 1
