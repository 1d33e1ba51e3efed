"""The stand-ins for AWS that the other tests rely on tell what is wrong, and misbehave when asked to."""

import botocore.exceptions
import pytest
from support.aws_model import ModelService
from support.aws_wire import RefusedError

from runbook_engine.sdk import AwsError, ServiceUnreachableError

GROUP = {"GlobalReplicationGroupId": "g", "Status": "available"}


class Elasticache(ModelService):
    service = "elasticache"

    def __init__(self):
        self.groups = [GROUP]

    def describe_global_replication_groups(self, asked, region):
        if asked.get("GlobalReplicationGroupId") not in {None, "g"}:
            raise RefusedError("GlobalReplicationGroupNotFoundFault")
        return {"GlobalReplicationGroups": self.groups}

    def failover_global_replication_group(self, asked, region):
        self.groups = [{**GROUP, "Status": "modifying"}]
        return {"GlobalReplicationGroup": self.groups[0]}


class Backup(ModelService):
    service = "backup"

    def describe_restore_job(self, asked, region):
        return {"RestoreJobId": asked["RestoreJobId"], "Status": "RUNNING", "PercentDone": "43.00%"}

    def list_restore_jobs(self, asked, region):
        return {"RestoreJobs": []}


@pytest.fixture
def faults(modelled):
    return modelled(Elasticache(), Backup())


@pytest.fixture
def elasticache(faults, cloud):
    return cloud(faults.endpoint).aws("elasticache", region="eu-west-1")


def failover(elasticache):
    return elasticache.call(
        "failover_global_replication_group",
        GlobalReplicationGroupId="g",
        PrimaryRegion="eu-west-1",
        PrimaryReplicationGroupId="r",
    )


def test_two_protocols_are_read_and_written(faults, cloud, elasticache):
    found = elasticache.call("describe_global_replication_groups", GlobalReplicationGroupId="g")
    assert found["GlobalReplicationGroups"] == [GROUP]
    job = cloud(faults.endpoint).aws("backup", region="eu-west-1").call("describe_restore_job", RestoreJobId="j")
    assert (job["RestoreJobId"], job["Status"], job["PercentDone"]) == ("j", "RUNNING", "43.00%")
    assert faults.calls == ["elasticache:DescribeGlobalReplicationGroups", "backup:DescribeRestoreJob"]


def test_an_error_has_aws_own_code(elasticache):
    with pytest.raises(AwsError) as refused:
        elasticache.call("describe_global_replication_groups", GlobalReplicationGroupId="x")
    assert refused.value.code == "GlobalReplicationGroupNotFoundFault"


def test_an_answer_that_does_not_fit_the_model_is_a_problem(faults, elasticache):
    faults.model._services["elasticache"].groups = [{"Status": 3, "Colour": "red"}]
    with pytest.raises(AwsError, match="not in the model"):
        elasticache.call("describe_global_replication_groups")
    assert len(faults.model.problems) == 2
    faults.model.problems.clear()


def test_a_word_that_is_not_in_the_model_is_a_problem(faults, cloud, boto):
    cloud(faults.endpoint)
    backup = boto("backup")
    with pytest.raises(botocore.exceptions.ClientError, match="none of"):
        backup.list_restore_jobs(ByStatus="DONE")
    assert faults.model.problems
    faults.model.problems.clear()


def test_a_reply_is_lost_after_the_deed_and_a_request_before_it(faults, elasticache):
    faults.lose_request("elasticache:FailoverGlobalReplicationGroup")
    with pytest.raises(ServiceUnreachableError):
        failover(elasticache)
    assert faults.model._services["elasticache"].groups == [GROUP]
    faults.lose_reply("elasticache:FailoverGlobalReplicationGroup")
    with pytest.raises(ServiceUnreachableError):
        failover(elasticache)
    assert faults.model._services["elasticache"].groups[0]["Status"] == "modifying"


def test_slow_answers_and_refusals_end(faults, elasticache):
    faults.slow("elasticache:DescribeGlobalReplicationGroups", b"available", b"creating", looks=2)
    states = [
        elasticache.call("describe_global_replication_groups")["GlobalReplicationGroups"][0]["Status"] for _ in range(3)
    ]
    assert states == ["creating", "creating", "available"]
    faults.refuse("elasticache:FailoverGlobalReplicationGroup", "InvalidParameterValueException", "no")
    with pytest.raises(AwsError, match="no"):
        failover(elasticache)
    failover(elasticache)
    assert faults.writes() == ["elasticache:FailoverGlobalReplicationGroup"] * 2


def test_ministack_answers_through_the_faults(ministack, cloud):
    context = cloud(ministack.endpoint)
    assert context.aws("sts", region="eu-west-1").call("get_caller_identity")["Account"] == "123456789012"
    context.aws("s3", region="us-east-1").call("create_bucket", Bucket="one")
    assert ministack.calls == ["sts:GetCallerIdentity", "s3:CreateBucket"]
