"""Fills the cloud with what a pilot-light standby keeps ready: images, capacity at zero, a replicated secret."""

from __future__ import annotations

import secrets

import boto3
from botocore.config import Config

from runbook_engine.lab.release import CURRENT
from runbook_engine.lab.seed import PRIMARY, STANDBY

GROUP = "reviews"
SECRET = "reviews/database"  # noqa: S105 -- the name of one
CAPACITY = {PRIMARY: 2, STANDBY: 0}
MOST = 4


def seed_standby(endpoint: str) -> None:
    """Create an image, a launch template and an Auto Scaling group in each region, and a secret with a replica."""
    session = boto3.session.Session(aws_access_key_id="lab", aws_secret_access_key=secrets.token_hex(8))
    config = Config(proxies={}, retries={"total_max_attempts": 1})
    image = ""
    for region, wanted in CAPACITY.items():
        ec2 = session.client("ec2", region, endpoint_url=endpoint, config=config)
        name = f"reviews-{CURRENT}"
        if region == PRIMARY:
            image = ec2.register_image(Name=name, RootDeviceName="/dev/xvda", Architecture="x86_64")["ImageId"]
        else:
            image = ec2.copy_image(Name=name, SourceImageId=image, SourceRegion=PRIMARY)["ImageId"]
        template = {"ImageId": image, "InstanceType": "t3.small"}
        ec2.create_launch_template(LaunchTemplateName=GROUP, LaunchTemplateData=template)
        session.client("autoscaling", region, endpoint_url=endpoint, config=config).create_auto_scaling_group(
            AutoScalingGroupName=GROUP,
            LaunchTemplate={"LaunchTemplateName": GROUP},
            MinSize=0,
            MaxSize=MOST,
            DesiredCapacity=wanted,
            AvailabilityZones=[f"{region}a"],
            Tags=[{"Key": "app", "Value": "reviews", "PropagateAtLaunch": True}],
        )
    session.client("secretsmanager", PRIMARY, endpoint_url=endpoint, config=config).create_secret(
        Name=SECRET, SecretString=secrets.token_urlsafe(16), AddReplicaRegions=[{"Region": STANDBY}]
    )
