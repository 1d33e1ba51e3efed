"""Bad parameters are refused with words that say what to do."""

import pytest
from pydantic import ValidationError

from runbook_engine.actions.assert_that import AssertThat
from runbook_engine.actions.aws.rds_restore_snapshot import RdsRestoreSnapshot
from runbook_engine.actions.aws.route53_records import Route53Records
from runbook_engine.actions.aws.s3_sync import S3Sync
from runbook_engine.actions.command import CommandRun
from runbook_engine.actions.files import FileCopy
from runbook_engine.actions.http_check import HttpCheck
from runbook_engine.actions.notify_email import NotifyEmail
from runbook_engine.actions.service import ServiceState
from runbook_engine.actions.sql_verify import SqlVerify
from runbook_engine.actions.status_page import StatusPageCheck
from runbook_engine.actions.wait_for import WaitFor
from runbook_engine.actions.wait_until import WaitUntil

MAIL = {"smtp": {"host": "smtp"}, "sender": "s@example.com", "to": ["a@example.com"], "subject": "x", "body": "y"}
RDS = {"snapshot": "s", "instance": "i", "region": "eu-west-1"}
A = {"name": "a.example.com"}


@pytest.mark.parametrize(
    ("action", "params", "words"),
    [
        (CommandRun, {}, "exactly one of argv"),
        (CommandRun, {"argv": ["a"], "shell": "a"}, "exactly one of argv"),
        (CommandRun, {"argv": []}, "at least 1 item"),
        (CommandRun, {"argv": ["a"], "create": "/x"}, "Extra inputs are not permitted"),
        (CommandRun, {"argv": ["a"], "ok_exit_statuses": [0, 256]}, "less than or equal to 255"),
        (CommandRun, {"argv": ["a"], "ok_exit_statuses": [-1]}, "greater than or equal to 0"),
        (FileCopy, {"dest": "/a"}, "exactly one of src"),
        (FileCopy, {"dest": "/a", "content": "x", "mode": "rw"}, "mode"),
        (ServiceState, {"name": "nginx"}, "give state, enabled or both"),
        (ServiceState, {"name": "--now", "state": "started"}, "name"),
        (ServiceState, {"name": "nginx", "state": "restarted"}, "started"),
        (HttpCheck, {"url": "ftp://a"}, "url"),
        (HttpCheck, {"url": "http://a", "body_matches": "("}, "not a regular expression"),
        (HttpCheck, {"url": "http://a", "timeout": 10}, "10 has no unit"),
        (AssertThat, {"that": ["no"]}, "bool"),
        (AssertThat, {"that": []}, "at least 1 item"),
        (WaitFor, {"port": 1, "path": "/a"}, "exactly one of port, path and duration"),
        (WaitFor, {"path": "/a", "host": "b"}, "host goes with port"),
        (WaitUntil, {"command": ["a"], "http": {"url": "http://a"}}, "exactly one of http, sql and command"),
        (StatusPageCheck, {"provider": "statuspage"}, "statuspage needs the page's url"),
        (StatusPageCheck, {"provider": "aws", "components": ["x"]}, "components belong to provider statuspage"),
        (StatusPageCheck, {"provider": "probe", "url": "http://a", "region": "x"}, "region and at_least belong"),
        (StatusPageCheck, {"provider": "aws", "status": [200]}, "status belongs to provider probe"),
        (StatusPageCheck, {"provider": "aws", "also": [{"provider": "probe"}]}, "probe needs a url"),
        (StatusPageCheck, {"provider": "aws", "also": [{"provider": "aws"}]}, "is there twice"),
        (StatusPageCheck, {"provider": "aws", "quorum": 2}, "quorum is 2, and there are 1 sources"),
        (RdsRestoreSnapshot, {**RDS, "snapshot": "latest"}, "needs source_instance"),
        (RdsRestoreSnapshot, {**RDS, "tags": {"dr:run": "x"}}, "not yours to set: dr:run"),
        (RdsRestoreSnapshot, {**RDS, "region": "europe"}, "region"),
        (RdsRestoreSnapshot, {**RDS, "account": "123"}, "account"),
        (Route53Records, {"zone": "z", "records": [A]}, "exactly one of values and alias"),
        (Route53Records, {"zone": "z", "records": [{**A, "values": ["x"], "weight": 1}]}, "go with a set_identifier"),
        (
            Route53Records,
            {"zone": "z", "records": [{**A, "values": ["x"]}], "name_servers": ["ns1:port"]},
            "name_servers",
        ),
        (S3Sync, {"source_bucket": "one", "dest_bucket": "one", "region": "eu-west-1"}, "overlap"),
        (SqlVerify, {"url": "sqlite://"}, "an empty verification would prove nothing"),
        (SqlVerify, {"url": "sqlite://", "checks": [{"query": "SELECT 1"}]}, "say what the value must be"),
        (SqlVerify, {"url": "sqlite://", "tables": {"a; DROP TABLE b": {"rows": {}}}}, "String should match pattern"),
        (NotifyEmail, {**MAIL, "to": []}, "exactly one of to"),
        (NotifyEmail, {**MAIL, "to": ["a@example.com\nBcc: b@example.com"]}, "is not one mail address"),
        (NotifyEmail, {**MAIL, "to": ["a@example.com, b@example.com"]}, "is not one mail address"),
        (NotifyEmail, {**MAIL, "sender": "nobody"}, "is not one mail address"),
        (NotifyEmail, {**MAIL, "subject": "x\nBcc: b@example.com"}, "subject"),
    ],
)
def test_is_refused(action, params, words):
    with pytest.raises(ValidationError, match=words):
        action.Params.model_validate(params)


def test_password_is_not_shown():
    params = NotifyEmail.Params.model_validate({**MAIL, "smtp": {"host": "smtp", "password": "hunter2"}})
    assert "hunter2" not in repr(params)
