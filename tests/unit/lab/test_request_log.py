"""How a request to the AWS endpoint is read: service, region, operation, and whether it may write."""

import io
import json
from urllib.parse import urlencode

import pytest

from runbook_engine.lab.request_log import RequestLog, logged, read_call


def _environ(service="rds", region="eu-west-1", method="POST", path="/", form=None, query="", target=""):
    body = urlencode(form or {}).encode()
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8" if form else "",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=AK/20261123/{region}/{service}/aws4_request, Signature=0",
        "HTTP_X_AMZ_TARGET": target,
        "wsgi.input": io.BytesIO(body),
    }


@pytest.mark.parametrize(
    ("request_parts", "operation", "write"),
    [
        ({"form": {"Action": "DescribeDBInstances"}}, "DescribeDBInstances", False),
        ({"form": {"Action": "RestoreDBInstanceFromDBSnapshot"}}, "RestoreDBInstanceFromDBSnapshot", True),
        ({"form": {"Action": "RunInstances", "DryRun": "true"}, "service": "ec2"}, "RunInstances", False),
        ({"form": {"Action": "RunInstances", "DryRun": "false"}, "service": "ec2"}, "RunInstances", True),
        ({"form": {"Action": "AssumeRole"}, "service": "sts"}, "AssumeRole", False),
        ({"form": {"Action": "TestFailover"}, "service": "elasticache"}, "TestFailover", True),
        ({"target": "DynamoDB_20120810.Query", "service": "dynamodb"}, "Query", False),
        ({"target": "DynamoDB_20120810.PutItem", "service": "dynamodb"}, "PutItem", True),
        ({"method": "GET", "query": "Action=ListUsers", "service": "iam"}, "ListUsers", False),
        ({"method": "GET", "path": "/b/k", "service": "s3"}, "GET /b/k", False),
        ({"method": "HEAD", "path": "/b", "service": "s3"}, "HEAD /b", False),
        ({"method": "PUT", "path": "/b/k", "service": "s3"}, "PUT /b/k", True),
        ({"path": "/b/list", "query": "uploads", "service": "s3"}, "POST /b/list", True),
        ({"path": "/b/k", "query": "select&select-type=2", "service": "s3"}, "POST /b/k", False),
        ({"path": "/DescribeSourceServers", "service": "drs"}, "POST /DescribeSourceServers", False),
        ({"path": "/StartRecovery", "service": "drs"}, "POST /StartRecovery", True),
        (
            {"path": "/2013-04-01/hostedzone/Z/rrset/", "service": "route53"},
            "POST /2013-04-01/hostedzone/Z/rrset/",
            True,
        ),
        ({"path": "/functions/getter", "service": "lambda"}, "POST /functions/getter", True),
        ({"path": "/moto-api/reset"}, "POST /moto-api/reset", True),
    ],
)
def test_writes_are_told_from_reads(request_parts, operation, write):
    call = read_call(_environ(**request_parts))
    assert (call.operation, call.write) == (operation, write)


def test_service_and_region_come_from_the_signature():
    call = read_call(_environ("route53", "us-east-1", "GET", "/2013-04-01/hostedzone"))
    assert (call.service, call.region) == ("route53", "us-east-1")
    presigned = _environ(
        method="GET", path="/b/k", query="X-Amz-Credential=AK%2F20261123%2Feu-west-1%2Fs3%2Faws4_request"
    )
    presigned["HTTP_AUTHORIZATION"] = ""
    call = read_call(presigned)
    assert (call.service, call.region) == ("s3", "eu-west-1")
    call = read_call({**presigned, "QUERY_STRING": ""})
    assert (call.service, call.region) == ("unsigned", "")


def test_a_request_is_logged_before_it_is_served_and_reaches_the_application_whole(tmp_path):
    path = tmp_path / "log.ndjson"
    seen = []

    def application(environ, start_response):
        seen.append((environ["wsgi.input"].read(), path.read_text().count("\n")))
        raise RuntimeError("crashed in the middle")

    served = logged(application, RequestLog(path))
    with pytest.raises(RuntimeError):
        served(_environ(form={"Action": "DeleteDBInstance"}), None)
    assert seen == [(b"Action=DeleteDBInstance", 1)]
    entry = json.loads(path.read_text())
    assert set(entry) == {"time", "service", "region", "operation", "method", "path", "write"}


def test_the_log_can_go_on_in_another_file(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    log = RequestLog(first)
    log.append(read_call(_environ(form={"Action": "ListUsers"})))
    log.switch_to(second)
    assert second.read_text() == ""
    log.append(read_call(_environ(form={"Action": "CreateUser"})))
    assert '"ListUsers"' in first.read_text()
    assert '"CreateUser"' in second.read_text()
    assert "ListUsers" not in second.read_text()
