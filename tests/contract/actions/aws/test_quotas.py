"""What a plan would add is held against the quotas: counted on moto, the quotas by a fake held to botocore's model.

moto has no quotas but a few of VPC, and ministack has none.
"""

import pytest
from support.aws_readiness import ServiceQuotas

from runbook_engine.app.instance_types import Machines, NotKnownError
from runbook_engine.app.quota_table import family_quota
from runbook_engine.app.quotas import StepAddition, ask_quotas
from runbook_engine.connections.aws import AwsSession
from runbook_engine.lab.request_log import READ_PREFIXES
from runbook_engine.model.capacity import Addition
from runbook_engine.model.readiness import Level

STANDBY, IMAGE = "eu-west-1", "ami-12c6146b"
DATABASES, SNAPSHOTS, VCPUS = ("rds", "L-7B6409FD"), ("rds", "L-272F1212"), ("ec2", "L-1216C47A")


@pytest.fixture
def ask(cloud, moto, modelled):
    """Ask moto and quotas; give what is said by level, and how many quotas have room."""

    def make(quotas, *added):
        model = modelled(quotas)
        cloud(moto.endpoint, service_quotas=model.endpoint)
        moto.forget()
        asked = ask_quotas(AwsSession(attempts=1), [StepAddition(f"s{n}", one) for n, one in enumerate(added)])
        calls = [*moto.calls, *model.calls]
        assert [call for call in calls if not call.partition(":")[2].startswith(READ_PREFIXES)] == []
        return [(one.level, one.what, one.text, one.steps) for one in asked.findings], asked.roomy

    return make


@pytest.fixture
def standby(cloud, moto, boto):
    """Clients of boto3 for moto, to prepare the scene with."""
    cloud(moto.endpoint)
    return boto


def databases(boto, count):
    for number in range(count):
        boto("rds").create_db_instance(
            DBInstanceIdentifier=f"d{number}",
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            MasterUsername="dr",
            MasterUserPassword="not-a-secret",
            AllocatedStorage=20,
        )


def one(kind, count=1, **of):
    return Addition(kind=kind, region=STANDBY, count=count, of=of)


def test_what_fits_is_room(ask, standby):
    databases(standby, 2)
    assert ask(ServiceQuotas({DATABASES: 4}), one("rds:DBInstance"), one("rds:DBInstance")) == ([], 1)


def test_what_does_not_fit_is_missing_with_the_numbers_and_the_steps(ask, standby):
    databases(standby, 2)
    ((level, what, text, steps),), roomy = ask(
        ServiceQuotas({DATABASES: 3}), one("rds:DBInstance"), one("rds:DBInstance")
    )
    assert (level, roomy) == (Level.MISSING, 0)
    assert what == "quota of DB instances in eu-west-1 of account 123456789012"
    assert text.endswith("2 of 3 are used, and 2 more would be needed")
    assert steps == ("s0", "s1")


def test_only_manual_snapshots_count_and_aws_default_where_none_is_applied(ask, standby):
    databases(standby, 1)
    for number in range(2):
        standby("rds").create_db_snapshot(DBInstanceIdentifier="d0", DBSnapshotIdentifier=f"s{number}")
    assert ask(ServiceQuotas(defaults={SNAPSHOTS: 3}), one("rds:ManualSnapshot")) == ([], 1)
    ((level, _, text, _),), _ = ask(ServiceQuotas(defaults={SNAPSHOTS: 2}), one("rds:ManualSnapshot"))
    assert (level, "2 of 2 are used" in text) == (Level.MISSING, True)


def test_each_kind_is_counted_by_reads(ask, standby):
    codes = [("ec2", "L-B665C33B"), ("ebs", "L-309BACF6"), ("dynamodb", "L-F98FE922"), ("cloudformation", "L-0485CB21")]
    kinds = ["ec2:Image", "ec2:Snapshot", "dynamodb:Table", "cloudformation:Stack"]
    assert ask(ServiceQuotas(dict.fromkeys(codes, 100_000)), *map(one, kinds)) == ([], 4)
    findings, _ = ask(ServiceQuotas(dict.fromkeys(codes, 0)), *map(one, kinds))
    assert [(level, steps) for level, _, _, steps in findings] == [(Level.MISSING, (f"s{n}",)) for n in range(4)]


def launch(boto, name, count=1, **more):
    boto("ec2").run_instances(ImageId=IMAGE, InstanceType=name, MinCount=count, MaxCount=count, **more)


def test_vcpus_of_running_on_demand_instances_of_the_family_count(ask, standby):
    launch(standby, "m5.large", 3)  # 2 vCPUs each
    launch(standby, "g4dn.xlarge")
    launch(standby, "m5.large", InstanceMarketOptions={"MarketType": "spot"})
    stopped = standby("ec2").run_instances(ImageId=IMAGE, InstanceType="m5.large", MinCount=1, MaxCount=1)
    standby("ec2").stop_instances(InstanceIds=[stopped["Instances"][0]["InstanceId"]])
    assert ask(ServiceQuotas({VCPUS: 10}), one("ec2:Instance", 2, instance_type="t3.medium")) == ([], 1)
    ((level, what, text, _),), _ = ask(ServiceQuotas({VCPUS: 9}), one("ec2:Instance", 2, instance_type="t3.medium"))
    assert level is Level.MISSING
    assert what == "quota of vCPUs of running On-Demand standard instances in eu-west-1 of account 123456789012"
    assert text.endswith("6 of 9 are used, and 4 more would be needed")


def test_the_type_is_that_of_the_template_or_of_the_group(standby):
    data = {"ImageId": IMAGE, "InstanceType": "m5.2xlarge"}  # 8 vCPUs
    standby("ec2").create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    spot = {**data, "InstanceMarketOptions": {"MarketType": "spot"}}
    standby("ec2").create_launch_template(LaunchTemplateName="cheap", LaunchTemplateData=spot)
    scaling = standby("autoscaling")
    sizes = {"MinSize": 0, "MaxSize": 2, "DesiredCapacity": 0, "AvailabilityZones": [f"{STANDBY}a"]}
    scaling.create_auto_scaling_group(AutoScalingGroupName="web", LaunchTemplate={"LaunchTemplateName": "web"}, **sizes)
    scaling.create_launch_configuration(LaunchConfigurationName="old", ImageId=IMAGE, InstanceType="m5.4xlarge")
    scaling.create_auto_scaling_group(AutoScalingGroupName="old", LaunchConfigurationName="old", **sizes)
    template = {"LaunchTemplateSpecification": {"LaunchTemplateName": "web"}}
    for name, types in (("mixed", ["m5.large", "m5.xlarge"]), ("single", ["m5.xlarge"])):
        overrides = [{"InstanceType": one} for one in types]
        policy = {"LaunchTemplate": {**template, "Overrides": overrides}}
        scaling.create_auto_scaling_group(AutoScalingGroupName=name, MixedInstancesPolicy=policy, **sizes)

    machines = Machines(AwsSession(attempts=1), STANDBY, None)
    assert machines.added(one("ec2:Instance", launch_template="web", version="$Default")) == ("m5.2xlarge", 8)
    assert machines.added(one("ec2:Instance", 2, auto_scaling_group="web")) == ("m5.2xlarge", 16)
    assert machines.added(one("ec2:Instance", auto_scaling_group="old")) == ("m5.4xlarge", 16)
    assert machines.added(one("ec2:Instance", auto_scaling_group="single")) == ("m5.xlarge", 4)
    with pytest.raises(NotKnownError, match="Spot"):
        machines.added(one("ec2:Instance", launch_template="cheap", version="$Default"))
    with pytest.raises(NotKnownError, match="several types"):
        machines.added(one("ec2:Instance", auto_scaling_group="mixed"))


def test_what_can_not_be_told_is_said_and_is_no_room(ask, standby):
    findings, roomy = ask(
        ServiceQuotas(),
        one("rds:DBInstance"),
        one("ec2:Instance", instance_type="inf1.xlarge"),
        one("ec2:Instance"),
        one("plugin:Thing"),
    )
    assert roomy == 0
    assert {level for level, *_ in findings} == {Level.UNKNOWN}
    assert sorted(steps for *_, steps in findings) == [("s0",), ("s1",), ("s2",), ("s3",)]


def test_nothing_is_asked_for_nothing(ask, standby):
    assert ask(ServiceQuotas(), one("ec2:Instance", 0, instance_type="m5.large")) == ([], 0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("t3.micro", "standard"),
        ("m7i.large", "standard"),
        ("is4gen.large", "standard"),
        ("z1d.large", "standard"),
        ("g5.xlarge", "G and VT"),
        ("gr6.4xlarge", "G and VT"),
        ("vt1.3xlarge", "G and VT"),
        ("p4d.24xlarge", "On-Demand P"),
        ("hpc7a.96xlarge", None),
        ("inf2.xlarge", None),
        ("trn1.2xlarge", None),
        ("mac2.metal", None),
        ("u-6tb1.metal", None),
        ("x2gd.large", None),
        ("dl1.24xlarge", None),
        ("", None),
    ],
)
def test_families_have_quotas_of_their_own(name, words):
    quota = family_quota(name)
    assert (quota is None) == (words is None)
    assert words is None or words in quota.words
