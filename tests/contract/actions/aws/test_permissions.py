"""IAM is asked for what a plan needs, by simulation; whatever is not plainly answered is no yes.

On ministack, whose simulation evaluates the policies of users, and on a fake for what that can't.
"""

import json

import boto3
import pytest
from support.aws_readiness import ACCOUNT, PERMISSION, Iam, Sts, allow

from runbook_engine.app.iam_needs import needs_of
from runbook_engine.app.iam_secrets import secret_needs
from runbook_engine.app.permissions import ask_permissions
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.connections.aws import AwsSession
from runbook_engine.model.readiness import Level

USER = f"arn:aws:iam::{ACCOUNT}:user/dr"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/teams/dr"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/dr/laptop"
OTHER = f"arn:aws:iam::{ACCOUNT}:role/standby"
RESTORE = "aws.rds_restore_snapshot: {snapshot: latest, source_instance: a, instance: b, region: eu-west-1}"
READS = ["rds:DescribeDBInstances", "rds:DescribeDBSnapshots"]
CHANGES = [
    "rds:AddTagsToResource",
    "rds:CreateDBSnapshot",
    "rds:DeleteDBInstance",
    "rds:RestoreDBInstanceFromDBSnapshot",
]


@pytest.fixture
def needs(tmp_path):
    """Give what a runbook of these steps needs."""

    def make(*steps, account=ACCOUNT):
        (tmp_path / "runbook.toml").write_text("")
        (tmp_path / "runbooks").mkdir()
        lines = [f"  - id: s{number}\n    {step}\n" for number, step in enumerate(steps)]
        (tmp_path / "runbooks/r.yml").write_text("runbook: r\nsteps:\n" + "".join(lines))
        (tmp_path / "inventories/i").mkdir(parents=True)
        (tmp_path / "inventories/i/hosts.yml").write_text(f"all: {{vars: {{aws_account: '{account}'}}}}\n")
        project = open_project(tmp_path)
        plan = prepare_plan(project, PlanRequest("r", ("i",))).plan
        return [*needs_of(project, plan), *secret_needs(project, plan, lambda: "eu-west-1")]

    return make


@pytest.fixture
def told(monkeypatch, modelled, needs):
    """Ask a fake; give what is said of each level by `what`, and how many permissions are granted."""

    def ask(iam, sts, *steps, **more):
        faults = modelled(iam, sts)
        credentials(monkeypatch, faults.endpoint)
        asked = ask_permissions(AwsSession(attempts=2), needs(*steps, **more))
        assert {call for call in faults.calls if not call.startswith("sts:")} <= {"iam:GetRole", PERMISSION}
        found = {level: {one.what: one for one in asked.findings if one.level is level} for level in Level}
        return found[Level.MISSING], found[Level.UNKNOWN], asked.granted

    return ask


def credentials(monkeypatch, endpoint, key="AKIA" + "A" * 16, private="test"):
    values = {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": private,
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_ENDPOINT_URL": endpoint,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def test_ministack_evaluates_the_policies_of_a_role_that_is_assumed(ministack, monkeypatch, needs):
    granted = {"Effect": "Allow", "Action": [*READS, "rds:Restore*", "rds:Delete*"], "Resource": "*"}
    denied = {"Effect": "Deny", "Action": "rds:DeleteDBInstance", "Resource": "*"}
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="test", region_name="eu-west-1")
    iam = session.client("iam", endpoint_url=ministack.endpoint)
    iam.create_role(RoleName="standby", AssumeRolePolicyDocument=policy(trust))
    iam.put_role_policy(RoleName="standby", PolicyName="dr", PolicyDocument=policy(granted, denied))
    ministack.forget()
    credentials(monkeypatch, ministack.endpoint, ACCOUNT)
    asked = ask_permissions(AwsSession(attempts=2), needs(RESTORE.replace("region", f"role: '{OTHER}', region")))
    assert {one.what: one.level for one in asked.findings} == {
        f"{name} for {OTHER} in eu-west-1": Level.MISSING
        for name in ("rds:AddTagsToResource", "rds:CreateDBSnapshot", "rds:DeleteDBInstance")
    }
    assert asked.granted == 3
    assert set(ministack.calls) == {"sts:AssumeRole", "sts:GetCallerIdentity", PERMISSION}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def test_moto_has_no_simulation_and_that_is_no_yes(moto, monkeypatch, needs):
    credentials(monkeypatch, moto.endpoint)
    asked = ask_permissions(AwsSession(attempts=1), needs(RESTORE))
    assert [one.level for one in asked.findings] == [Level.UNKNOWN]
    assert asked.granted == 0


def test_what_the_policies_allow_in_the_region_and_on_the_accounts_resources_is_granted(told):
    mine = f"arn:aws:rds:eu-west-1:{ACCOUNT}:*"
    iam = Iam({USER: [allow(READS, aws__RequestedRegion="eu-west-1"), allow("rds:*", mine)]})
    missing, unknown, granted = told(iam, Sts(USER), RESTORE)
    assert (missing, unknown, granted) == ({}, {}, 6)
    assert {one["ResourceArns"][0] for one in iam.asked} == {"*", mine}


def test_another_region_or_account_is_missing_with_the_step_that_needs_it(told):
    iam = Iam({USER: [allow(READS, aws__RequestedRegion="us-east-1"), allow("rds:*", "arn:aws:rds:*:222222222222:*")]})
    missing, unknown, granted = told(iam, Sts(USER), RESTORE)
    assert list(missing) == [f"{name} for {USER} in eu-west-1" for name in sorted({*READS, *CHANGES}, key=order)]
    one = missing[f"rds:AddTagsToResource for {USER} in eu-west-1"]
    assert "no policy allows it" in one.text
    assert one.steps == ("s0",)
    assert (unknown, granted) == ({}, 0)


def order(name):
    return [*READS, "rds:RestoreDBInstanceFromDBSnapshot", "rds:DeleteDBInstance", *CHANGES].index(name)


def test_reading_a_secret_is_asked_for_on_the_secret(told):
    mine = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:app/db-*"
    iam = Iam({USER: [allow("secretsmanager:GetSecretValue", mine, aws__RequestedRegion="eu-west-1")]})
    reads = "{{ secret('aws-sm:app/db#password') }} {{ secret('aws-ssm:/app/token') }}"
    step = f'environment: {{P: "{reads}"}}\n    command.run: {{argv: [env]}}'
    missing, unknown, granted = told(iam, Sts(USER), step)
    assert (list(missing), unknown, granted) == ([f"ssm:GetParameter for {USER} in eu-west-1"], {}, 1)
    (one,) = missing.values()
    assert (one.steps, f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/app/token" in one.text) == (("s0",), True)


def test_a_denial_names_its_policy_and_the_organization_is_named(told):
    iam = Iam({USER: [allow("rds:DeleteDBInstance", effect="Deny"), allow("rds:*")]})
    iam.scp = {"rds:CreateDBSnapshot"}
    missing, _, granted = told(iam, Sts(USER), RESTORE)
    assert {what.partition(" ")[0]: one.text.rpartition(": ")[2] for what, one in missing.items()} == {
        "rds:DeleteDBInstance": "denied by dr",
        "rds:CreateDBSnapshot": "the organization's policies (SCP) do not allow it",
    }
    assert granted == 4


def test_what_depends_on_the_request_is_not_known(told):
    iam = Iam({USER: [allow(READS), allow("rds:*", aws__SourceIp="192.0.2.1")]})
    missing, unknown, granted = told(iam, Sts(USER), RESTORE)
    assert (missing, granted) == ({}, 0)
    assert len(unknown) == 6
    assert all("aws:SourceIp" in one.text for one in unknown.values())


def test_an_assumed_role_is_asked_about_as_the_role_with_its_path(told):
    iam = Iam({ROLE: [allow("rds:*")]})
    assert told(iam, Sts(SESSION), RESTORE) == ({}, {}, 6)
    assert {one["PolicySourceArn"] for one in iam.asked} == {ROLE}


def test_a_role_whose_path_may_not_be_read_is_guessed_and_said(told):
    iam = Iam({ROLE: [allow("rds:*")]})
    iam.refused = {"iam:GetRole"}
    missing, unknown, granted = told(iam, Sts(SESSION), RESTORE)
    assert (missing, granted) == ({}, 0)
    ((what, one),) = unknown.items()
    assert what == f"permissions of arn:aws:iam::{ACCOUNT}:role/dr not asked"
    assert "has a path is not known" in one.hint
    assert "iam:GetRole" in one.hint


@pytest.mark.parametrize(
    ("caller", "words"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", "root user"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/dana", "users and roles only"),
    ],
)
def test_who_can_not_be_simulated_is_said_and_is_no_yes(told, caller, words):
    missing, unknown, granted = told(Iam({}), Sts(caller), RESTORE)
    assert (missing, granted) == ({}, 0)
    (one,) = unknown.values()
    assert words in one.text


def test_without_the_right_to_ask_nothing_is_granted_and_the_question_is_put_once(told):
    iam = Iam({USER: [allow("*")]})
    iam.refused = {PERMISSION}
    missing, unknown, granted = told(iam, Sts(USER), RESTORE, RESTORE.replace("eu-west-1", "eu-central-1"))
    assert (missing, granted) == ({}, 0)
    (one,) = unknown.values()
    assert "6 permissions are not known" in one.text
    assert PERMISSION in one.hint
    assert one.steps == ("s0", "s1")


def test_a_name_that_iam_does_not_take_spoils_no_other_question(told):
    iam = Iam({USER: [allow("*")]})
    iam.unheard_of = {"rds:CreateDBSnapshot"}
    missing, unknown, granted = told(iam, Sts(USER), RESTORE)
    assert (missing, granted) == ({}, 5)
    assert list(unknown) == [f"rds:CreateDBSnapshot for {USER} in eu-west-1"]


def test_a_question_without_an_answer_is_not_granted(told):
    iam = Iam({USER: [allow("*")]})
    iam.silent = {"rds:CreateDBSnapshot"}
    _, unknown, granted = told(iam, Sts(USER), RESTORE)
    assert granted == 5
    assert "did not answer" in unknown[f"rds:CreateDBSnapshot for {USER} in eu-west-1"].text


def test_each_role_is_asked_about_by_itself(told):
    iam = Iam({USER: [allow("rds:*")], OTHER: [allow(READS)]})
    steps = RESTORE, RESTORE.replace("region", f"role: '{OTHER}', region")
    missing, unknown, granted = told(iam, Sts(USER, {OTHER}), *steps)
    assert unknown == {}
    assert {(one.what.split()[2], one.steps) for one in missing.values()} == {(OTHER, ("s1",))}
    assert (len(missing), granted) == (4, 8)


def test_a_role_that_may_not_be_assumed_is_missing(told):
    missing, unknown, granted = told(Iam({}), Sts(USER), RESTORE.replace("region", f"role: '{OTHER}', region"))
    assert list(missing) == [f"sts:AssumeRole on {OTHER}"]
    assert (unknown, granted) == ({}, 0)


def test_a_role_that_a_run_alone_knows_is_not_asked_about(told):
    look = "command.run: {argv: [where], creates: /x}"
    step = RESTORE.replace("region", "role: \"{{ steps['s0'].stdout }}\", region")
    missing, unknown, granted = told(Iam({USER: []}), Sts(USER), look, step)
    assert (missing, list(unknown), granted) == ({}, ["role of s1"], 0)


def test_another_account_than_the_declared_one_is_missing(told):
    iam = Iam({USER: [allow("rds:*")]})
    missing, _, _ = told(iam, Sts(USER), RESTORE, account="222222222222")
    assert "credentials of account 222222222222" in missing


def test_no_credentials_and_no_answer_are_no_yes(monkeypatch, needs):
    credentials(monkeypatch, "http://127.0.0.1:9")
    asked = ask_permissions(AwsSession(attempts=1), needs(RESTORE))
    assert [one.level for one in asked.findings] == [Level.UNKNOWN]
    assert asked.granted == 0
