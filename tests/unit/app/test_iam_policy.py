"""The policy that a runbook needs is as narrow as is known before a run, and says what it could not narrow."""

import json

import pytest

from runbook_engine.app.iam_names import permissions_of
from runbook_engine.app.iam_policy import iam_policy
from runbook_engine.app.list_actions import list_actions
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.discovery.catalog import build_catalog

HEAD = "runbook: r\ntitle: R\ninputs:\n  region: {default: eu-west-1}\nsteps:\n"
PROMOTE = "  - id: promote\n    aws.rds_promote_replica: {instance: r, region: eu-west-1}\n"


@pytest.fixture
def policy(tmp_path):
    def make(steps, variables="aws_account: '123456789012'"):
        (tmp_path / "runbook.toml").write_text("")
        (tmp_path / "runbooks").mkdir()
        (tmp_path / "runbooks" / "r.yml").write_text(HEAD + steps)
        (tmp_path / "inventories" / "i").mkdir(parents=True)
        (tmp_path / "inventories" / "i" / "hosts.yml").write_text(f"all: {{vars: {{{variables}}}}}\n")
        project = open_project(tmp_path)
        return iam_policy(project, prepare_plan(project, PlanRequest("r", ("i",))))

    return make


def statement(policy, permission):
    found = [item for item in policy.document["Statement"] if permission in item["Action"]]
    assert len(found) == 1, json.dumps(policy.document, indent=1)
    return found[0]


def regions(item):
    return item.get("Condition", {}).get("StringEquals", {}).get("aws:RequestedRegion")


def test_reads_are_kept_to_the_region_and_changes_to_the_account(policy):
    made = policy(PROMOTE)
    reads = statement(made, "rds:DescribeDBInstances")
    assert (reads["Resource"], regions(reads)) == (["*"], ["eu-west-1"])
    assert "cloudwatch:GetMetricStatistics" in reads["Action"]
    assert statement(made, "rds:PromoteReadReplica")["Resource"] == ["arn:aws:rds:eu-west-1:123456789012:*"]
    assert made.notes == ()


def test_templates_are_rendered_as_far_as_is_known(policy):
    made = policy(
        "  - id: copy\n    aws.rds_copy_snapshot:\n      {source_region: us-east-1, snapshot: s, region: '{{ region }}'}\n"
    )
    assert regions(statement(made, "rds:CopyDBSnapshot")) == ["eu-west-1", "us-east-1"]


def test_what_a_run_alone_knows_is_not_narrowed_and_is_said(policy):
    look = "  - id: look\n    command.run: {argv: [where], creates: /x}\n"
    params = "{instance: r, region: \"{{ steps['look'].stdout }}\"}"
    made = policy(f"{look}  - id: promote\n    aws.rds_promote_replica: {params}\n")
    promote = statement(made, "rds:PromoteReadReplica")
    assert (promote["Resource"], regions(promote)) == (["*"], None)
    assert made.notes == ("step promote: its region is not known before the run; any region is allowed",)


def test_a_role_that_a_run_alone_knows_is_said(policy):
    look = "  - id: look\n    command.run: {argv: [where], creates: /x}\n"
    params = "{instance: r, region: eu-west-1, role: \"{{ steps['look'].stdout }}\"}"
    made = policy(f"{look}  - id: promote\n    aws.rds_promote_replica: {params}\n", "aws_account: true")
    assert made.notes == ("step promote: role is not known before the run",)
    assert statement(made, "rds:PromoteReadReplica")["Resource"] == ["arn:aws:rds:eu-west-1:*:*"]


def test_buckets_are_named(policy):
    params = "{bucket: docs, time: '2026-11-23T08:00:00Z', region: eu-west-1}"
    made = policy(f"  - id: back\n    aws.s3_restore_versions: {params}\n")
    found = statement(made, "s3:PutObject")
    assert found["Resource"] == ["arn:aws:s3:::docs", "arn:aws:s3:::docs/*"]
    assert "s3:ListBucketVersions" in found["Action"]


def test_a_role_is_assumed_and_its_account_counts(policy):
    role = "arn:aws:iam::222222222222:role/dr"
    made = policy(f"  - id: p\n    aws.rds_promote_replica: {{instance: r, region: eu-west-1, role: '{role}'}}\n")
    assert statement(made, "sts:AssumeRole")["Resource"] == [role]
    assert statement(made, "rds:PromoteReadReplica")["Resource"] == ["arn:aws:rds:eu-west-1:222222222222:*"]


def test_a_passed_role_is_named(policy):
    role = "arn:aws:iam::123456789012:role/backup"
    made = policy(
        "  - id: b\n    aws.backup_restore:\n"
        f"      {{vault: v, recovery_point: 'arn:p', iam_role: '{role}', region: eu-west-1}}\n"
    )
    assert statement(made, "iam:PassRole")["Resource"] == [role]
    # A recovery point may be an EC2 snapshot, whose ARN has no account.
    assert statement(made, "backup:StartRestoreJob")["Resource"] == ["*"]


def test_global_databases_have_no_region_in_their_arn(policy):
    made = policy("  - id: f\n    aws.aurora_global_failover: {global_cluster: g, cluster: c, region: eu-west-1}\n")
    assert "arn:aws:rds::123456789012:global-cluster:*" in statement(made, "rds:SwitchoverGlobalCluster")["Resource"]


def test_route53_is_of_no_region(policy):
    made = policy(
        "  - id: dns\n    aws.route53_records: {zone: Z1, records: [{name: a.example.com, values: [192.0.2.1]}]}\n"
    )
    assert regions(statement(made, "route53:ChangeResourceRecordSets")) is None


def test_an_account_that_lost_its_zeros_and_another_partition(policy):
    made = policy(PROMOTE.replace("eu-west-1", "cn-north-1"), "aws_account: 12345")
    assert statement(made, "rds:PromoteReadReplica")["Resource"] == ["arn:aws-cn:rds:cn-north-1:000000012345:*"]


def test_a_runbook_without_aws_needs_nothing(policy):
    assert policy("  - id: a\n    assert.that: {that: [1 == 1]}\n").document["Statement"] == []


def test_every_operation_has_its_permissions():
    catalog, _ = build_catalog(())
    for found in list_actions(catalog):
        for operation in (*found.aws_reads, *found.aws_writes):
            for permission in permissions_of(operation):
                service, _, name = permission.partition(":")
                assert service.replace("-", "").isalnum()
                assert name[0].isupper()
    assert permissions_of("s3:ListObjectsV2") == ("s3:ListBucket",)
    assert permissions_of("sts:GetCallerIdentity") == ()
    assert permissions_of("elbv2:DescribeTargetHealth") == ("elasticloadbalancing:DescribeTargetHealth",)


@pytest.mark.parametrize("role", ["arn:aws:iam::123456789012:role/cloudformation", None])
def test_a_permission_for_a_parameter_that_is_not_given_is_not_asked_for(policy, role):
    given = f", service_role: '{role}'" if role else ""
    made = policy(f"  - id: deploy\n    aws.cfn_deploy: {{stack: app, template: t.yml, region: eu-west-1{given}}}\n")
    passes = [item["Resource"] for item in made.document["Statement"] if "iam:PassRole" in item["Action"]]
    assert passes == ([[role]] if role else [])
    assert statement(made, "cloudformation:ExecuteChangeSet")


def test_endpoints_in_five_regions_are_not_kept_to_one(policy):
    control = "arn:aws:route53-recovery-control::123456789012:controlpanel/0a/routingcontrol/a"
    endpoints = "{us-west-2: 'https://x/v1'}"
    step = f"aws.arc_routing_control: {{endpoints: {endpoints}, controls: {{'{control}': 'On'}}, region: eu-west-1}}"
    made = policy(f"  - id: turn\n    {step}\n")
    assert regions(statement(made, "route53-recovery-cluster:UpdateRoutingControlStates")) is None


def test_reading_a_secret_is_allowed_on_that_secret_alone(policy):
    reads = (
        "aws-sm:app/db?region=eu-west-1,eu-central-1#password",
        "aws-sm:arn:aws:secretsmanager:eu-west-1:123456789012:secret:smtp-AbC123",
        "aws-ssm:/app/token?region=eu-west-1&account=222222222222",
        "aws-sm:anywhere",
        "aws-sm:arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-backup",
    )
    steps = [
        f"  - id: e{number}\n    environment: {{P: \"{{{{ secret('{text}') }}}}\"}}\n    command.run: {{argv: [env]}}\n"
        for number, text in enumerate(reads)
    ]
    made = policy("".join(steps))
    found = {
        (resource, *(regions(item) or ())): item["Action"]
        for item in made.document["Statement"]
        for resource in item["Resource"]
    }
    both = ("eu-west-1", "eu-central-1")
    get = ["secretsmanager:GetSecretValue"]
    assert found == {
        ("arn:aws:secretsmanager:eu-west-1:*:secret:app/db-??????", *both): get,
        ("arn:aws:secretsmanager:eu-central-1:*:secret:app/db-??????", *both): get,
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:smtp-AbC123", "eu-west-1"): get,
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:smtp-AbC123-??????", "eu-west-1"): get,
        # Six characters behind a hyphen may be Secrets Manager's, or the end of a name without them.
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-backup", "eu-west-1"): get,
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-backup-??????", "eu-west-1"): get,
        ("arn:aws:ssm:eu-west-1:222222222222:parameter/app/token", "eu-west-1"): ["ssm:GetParameter"],
        ("arn:aws:secretsmanager:*:*:secret:anywhere-??????",): get,
    }
    assert made.notes[0] == "a secret of e3: its region is not known before the run; any region is allowed"
    assert "kms:Decrypt" in made.notes[1]


def test_a_secret_is_read_in_the_role_that_it_names(policy):
    role = "arn:aws:iam::222222222222:role/dr"
    text = f"aws-sm:app/db?region=eu-west-1&role={role}"
    made = policy(
        f"  - id: e\n    environment: {{P: \"{{{{ secret('{text}') }}}}\"}}\n    command.run: {{argv: [env]}}\n"
    )
    assert statement(made, "sts:AssumeRole")["Resource"] == [role]
    wanted = ["arn:aws:secretsmanager:eu-west-1:222222222222:secret:app/db-??????"]
    assert statement(made, "secretsmanager:GetSecretValue")["Resource"] == wanted
