"""Which AWS operations a check may call."""

import pytest

from runbook_engine.connections.aws_reads import is_read


@pytest.mark.parametrize(
    "name",
    [
        "rds:DescribeDBInstances",
        "s3:GetObject",
        "s3:HeadObject",
        "s3:ListObjectsV2",
        "sts:GetCallerIdentity",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "route53:TestDNSAnswer",
        "iam:SimulatePrincipalPolicy",
        "cloudtrail:LookupEvents",
    ],
)
def test_reads(name):
    assert is_read(*name.split(":"))


@pytest.mark.parametrize(
    "name",
    [
        "rds:RestoreDBInstanceFromDBSnapshot",
        "rds:ModifyDBInstance",
        "s3:PutObject",
        "s3:DeleteObject",
        "sts:AssumeRole",
        "sts:GetSessionToken",
        "sts:GetFederationToken",
        "ec2:GetPasswordData",
        "ecr:GetAuthorizationToken",
        "redshift:GetClusterCredentials",
        "sqs:ReceiveMessage",
        "dynamodb:ExecuteStatement",
        "rds-data:ExecuteStatement",
        "license-manager:CheckInLicense",
        "kms:Decrypt",
        "lambda:Invoke",
        "logs:StartQuery",
        "x:Getaway",
        "x:Listen",
    ],
)
def test_not_reads(name):
    assert not is_read(*name.split(":"))


def test_no_read_has_an_idempotency_token():
    """AWS gives tokens to operations that do something, so that a read with one would be a mistake in our list."""
    import botocore.session

    session = botocore.session.get_session()
    for service in (
        "ec2",
        "rds",
        "route53",
        "s3",
        "backup",
        "ecs",
        "eks",
        "lambda",
        "ssm",
        "dynamodb",
        "secretsmanager",
    ):
        model = session.get_service_model(service)
        for name in model.operation_names:
            if is_read(service, name):
                assert not model.operation_model(name).idempotent_members, f"{service}:{name}"
