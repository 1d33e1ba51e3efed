"""The AWS client against a moto server and against servers that misbehave."""

import http.server
import threading

import pytest
from moto.server import ThreadedMotoServer

from runbook_engine.connections.aws import AwsSession, service_models
from runbook_engine.sdk import AwsError, ReadOnlyError, RunbookError, ServiceUnreachableError


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def credentials(monkeypatch, tmp_path):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.fixture
def session(moto, credentials, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    return AwsSession(sleep=lambda _: None)


def client(session, service="s3", *, read_only=False, **more):
    return session.client(service, region="eu-central-1", read_only=read_only, **more)


def test_bytes_go_in_and_come_out(session):
    s3 = client(session)
    s3.call("create_bucket", Bucket="bytes", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.call("put_object", Bucket="bytes", Key="k", Body=b"\0\xff")
    assert s3.call("get_object", Bucket="bytes", Key="k")["Body"] == b"\0\xff"


def test_pages_gives_every_item(session):
    s3 = client(session)
    s3.call("create_bucket", Bucket="pages", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for number in range(5):
        s3.call("put_object", Bucket="pages", Key=str(number), Body=b"")
    reader = client(session, read_only=True)
    keys = [
        item["Key"]
        for item in reader.pages("list_objects_v2", "Contents", Bucket="pages", PaginationConfig={"PageSize": 2})
    ]
    assert keys == ["0", "1", "2", "3", "4"]
    assert list(reader.pages("list_buckets", "Nothing")) == []
    assert reader.call("head_bucket", Bucket="pages")


def test_a_check_cannot_change_anything(session):
    reader = client(session, read_only=True)
    with pytest.raises(ReadOnlyError, match="s3:CreateBucket"):
        reader.call("create_bucket", Bucket="never")
    with pytest.raises(ReadOnlyError, match="s3:CreateBucket"):
        reader._reads.create_bucket(Bucket="never")
    assert "never" not in [bucket["Name"] for bucket in client(session).call("list_buckets")["Buckets"]]


def test_a_checks_guard_does_not_bind_the_others(session):
    client(session, read_only=True)
    client(session).call(
        "create_bucket", Bucket="free", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )


def test_an_answer_that_refuses_keeps_awss_words(session):
    with pytest.raises(AwsError) as caught:
        client(session, "rds").call("describe_db_instances", DBInstanceIdentifier="nothing")
    assert caught.value.code in ("DBInstanceNotFound", "DBInstanceNotFoundFault")
    assert caught.value.operation == "DescribeDBInstances"
    assert "nothing" in caught.value.message


def test_wrong_names_are_told(session):
    with pytest.raises(RunbookError, match="no operation"):
        client(session).call("make_coffee")
    with pytest.raises(RunbookError, match="nope"):
        client(session, "nope")
    with pytest.raises(AwsError) as caught:
        client(session).call("get_object", Bukket="x")
    assert caught.value.code == "ParamValidation"


def test_a_role_is_assumed(session):
    role = "arn:aws:iam::210987654321:role/restore"
    identity = client(session, "sts", role=role).call("get_caller_identity")
    assert identity["Account"] == "210987654321"


def test_what_a_service_offers_is_read_once_for_all_sessions_and_roles(session):
    def model(by, **more):
        return client(by, "sts", **more)._reads.meta.service_model._service_description

    first = model(session)
    searched = list(service_models(None).search_paths)
    assert model(session, role="arn:aws:iam::210987654321:role/restore") is first
    assert model(AwsSession()) is first
    assert service_models(None).search_paths == searched, "no session adds to it"


def test_the_wrong_account_stops_before_anything(session):
    client(session, account="123456789012")
    with pytest.raises(AwsError, match="123456789012, not to 999999999999") as caught:
        client(session, account="999999999999")
    assert caught.value.code == "WrongAccount"


def test_threads_share_a_session(session):
    failures = []

    def use():
        try:
            client(session, "ec2").call("describe_regions")
            client(session, "rds").call("describe_db_instances")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a failure
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_no_credentials_is_told_with_what_to_do(moto, credentials, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AwsError) as caught:
        client(AwsSession(), "sts").call("get_caller_identity")
    assert caught.value.code == "NoCredentials"
    assert "AWS_PROFILE" in caught.value.hint


@pytest.fixture
def answering(credentials, monkeypatch):
    """A server that gives the answers of a list, one a request, and counts; None hangs up without an answer."""
    answers, seen = [], []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            seen.append(body)
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if answer is None:
                self.close_connection = True
                return
            status, text = answer
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield answers, seen
    server.shutdown()
    thread.join()
    server.server_close()


def refusal(code):
    return (
        400,
        f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error><RequestId>r-1</RequestId></ErrorResponse>".encode(),
    )


DONE = (200, b"<DeleteDBInstanceResponse><DeleteDBInstanceResult/></DeleteDBInstanceResponse>")


def test_a_change_whose_answer_was_lost_is_sent_once(answering):
    answers, seen = answering
    answers.append(None)
    with pytest.raises(ServiceUnreachableError) as caught:
        client(AwsSession(), "rds").call("delete_db_instance", DBInstanceIdentifier="x")
    assert len(seen) == 1
    assert "unknown" in caught.value.hint


def test_a_read_whose_answer_was_lost_is_sent_again(answering):
    answers, seen = answering
    listing = (200, b"<DescribeDBInstancesResponse><DescribeDBInstancesResult/></DescribeDBInstancesResponse>")
    answers += [None, listing]
    client(AwsSession(), "rds").call("describe_db_instances")
    assert len(seen) == 2


@pytest.mark.parametrize("said", ["1", "2"])
def test_the_users_own_setting_says_how_often_a_request_is_sent(answering, monkeypatch, said):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", said)
    answers, seen = answering
    answers.append(refusal("Throttling"))
    for operation, more in (("delete_db_instance", {"DBInstanceIdentifier": "x"}), ("describe_db_instances", {})):
        seen.clear()
        with pytest.raises(AwsError, match="Throttling"):
            client(AwsSession(sleep=lambda _: None), "rds").call(operation, **more)
        assert len(seen) == int(said)


@pytest.mark.parametrize("said", ["often", "0"])
def test_a_setting_that_is_no_number_is_told(answering, monkeypatch, said):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", said)
    with pytest.raises(AwsError, match="max_attempts") as caught:
        client(AwsSession(), "rds")
    assert "from 1" in caught.value.hint


def test_a_throttled_change_is_sent_again(answering):
    answers, seen = answering
    answers += [refusal("Throttling"), DONE]
    client(AwsSession(sleep=lambda _: None), "rds").call("delete_db_instance", DBInstanceIdentifier="x")
    assert len(seen) == 2


def test_a_refused_change_is_sent_once_and_names_its_request(answering):
    answers, seen = answering
    answers.append(refusal("ExpiredToken"))
    with pytest.raises(AwsError, match="r-1") as caught:
        client(AwsSession(), "rds").call("delete_db_instance", DBInstanceIdentifier="x")
    assert (caught.value.code, len(seen)) == ("ExpiredToken", 1)
    assert "renew" in caught.value.hint


def test_a_page_in_place_of_an_answer_is_told(answering):
    answers, _ = answering
    answers.append((500, b"<!doctype html><html><body><h1>Internal Server Error</h1><br></body>"))
    with pytest.raises(AwsError) as caught:
        client(AwsSession(), "rds").call("delete_db_instance", DBInstanceIdentifier="x")
    assert caught.value.code == "500"


def test_a_page_in_place_of_a_json_answer_is_told_without_the_page(answering):
    answers, _ = answering
    answers.append((500, b"<!doctype html>\n<html lang=en><title>500 Internal Server Error</title>"))
    quotas = client(AwsSession(attempts=1), "service-quotas")
    with pytest.raises(AwsError) as caught:
        quotas.call("get_service_quota", ServiceCode="rds", QuotaCode="L-7B6409FD")
    assert (caught.value.message, caught.value.code) == (
        "AWS service-quotas:GetServiceQuota did not answer (500)",
        "500",
    )


def test_nobody_there_is_unreachable(credentials, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ServiceUnreachableError):
        client(AwsSession(), "rds").call("delete_db_instance", DBInstanceIdentifier="x")


def configuration(folder, endpoint):
    """The configuration of a cloud that is no other's: its endpoint and its keys stand in one file."""
    file = folder / "aws-config"
    keys = "aws_access_key_id = its-own\naws_secret_access_key = its-own\n"
    file.write_text(f"[profile rehearsal]\nregion = eu-central-1\nendpoint_url = {endpoint}\n{keys}")
    return file


@pytest.mark.parametrize("role", [None, "arn:aws:iam::210987654321:role/dr"])
def test_a_named_configuration_decides_where_requests_go_and_with_which_keys(
    moto, credentials, monkeypatch, tmp_path, role
):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_PROFILE", "of-the-user")  # which has no such profile
    session = AwsSession(profile="rehearsal", config_file=configuration(tmp_path, moto))
    identity = client(session, "sts", read_only=True, role=role).call("get_caller_identity")
    assert identity["Account"] == ("123456789012" if role is None else "210987654321")


def test_a_configuration_that_is_not_there_is_no_reason_to_ask_another_cloud(session, tmp_path):
    named = AwsSession(profile="rehearsal", config_file=tmp_path / "none")
    with pytest.raises(AwsError, match="none is not there"):
        client(named, "sts", read_only=True)


def test_one_of_several_endpoints_is_asked_once(credentials):
    """A dead one must not cost the time of six attempts before the next can be tried."""
    hits = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            hits.append(self.path)
            self.send_error(503)

        def log_message(self, *_):
            """Say nothing on the test's terminal."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        session = AwsSession(sleep=lambda _: None)
        endpoint = f"http://127.0.0.1:{server.server_address[1]}/v1"
        for read_only in (True, False):
            arc = client(session, "route53-recovery-cluster", read_only=read_only, endpoint=endpoint)
            with pytest.raises(AwsError):
                arc.call("get_routing_control_state", RoutingControlArn="arn:x")
        assert len(hits) == 2
        assert hits[0].startswith("/v1")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
