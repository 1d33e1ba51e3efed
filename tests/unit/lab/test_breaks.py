"""What is broken in the lab shows where its user meets it, and is gone when it is mended."""

import smtplib
from datetime import UTC, datetime

import boto3
import dns.exception
import dns.message
import dns.query
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from runbook_engine.lab import client, dataset
from runbook_engine.lab.breaks import BREAKAGES, Broken, parse
from runbook_engine.lab.damage import SLOW_RESTORE_POLLS
from runbook_engine.lab.errors import LabError
from runbook_engine.lab.probe import look


@pytest.fixture
def broken(lab):
    """`broken("region us-east-1")`; everything is mended behind the test."""

    def change(words):
        return client.set_broken(lab, parse(words.split()), broken=True)

    yield change
    for words in client.lab_state(lab)["broken"]:
        client.set_broken(lab, parse(words.split()), broken=False)


def states(lab):
    return {part.name: part.state for part in look(lab)}


def refusal(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


def ask_names(lab, seconds=0.3):
    question = dns.message.make_query(lab.app_name, "CNAME")
    return dns.query.udp(question, lab.dns.host, port=lab.dns.port, timeout=seconds)


def test_all_is_well_at_first(lab):
    seen = states(lab)
    assert {name for name, state in seen.items() if state != "up"} == {"standby-1", "standby-2"}
    assert seen["standby-1"] == "standby"


def test_a_broken_region_fails_as_a_whole_and_comes_back(lab, aws, broken, http):
    broken("region us-east-1")
    assert refusal(aws("rds", "us-east-1").describe_db_instances) == "ServiceUnavailable"
    assert refusal(aws("s3", "us-east-1").list_buckets) == "ServiceUnavailable"
    assert aws("rds", "eu-west-1").describe_db_snapshots()["DBSnapshots"]
    assert aws("route53", "us-east-1").list_hosted_zones()["HostedZones"], "Route 53 is in no region"
    assert http.get(f"{lab.front_url}/health").status_code == 502
    gone = {"aws us-east-1", "app", "primary-1", "primary-2"}
    assert {name for name, state in states(lab).items() if state == "down"} == gone
    assert next(part.text for part in look(lab) if part.name == "status pages") == "trouble in us-east-1"
    client.mend_region(lab, "us-east-1")
    assert aws("rds", "us-east-1").describe_db_instances()["DBInstances"]
    assert http.get(f"{lab.front_url}/health").json()["region"] == "us-east-1"
    assert next(part.text for part in look(lab) if part.name == "status pages") == "no trouble"


def test_a_region_stays_down_until_both_reasons_are_gone(lab, broken):
    broken("app us-east-1")
    broken("region us-east-1")
    state = client.mend_region(lab, "us-east-1")
    assert (state["broken"], state["regions"]["us-east-1"]["up"]) == (["app us-east-1"], False)
    assert states(lab)["aws us-east-1"] == "up"


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("rds", "describe_db_instances", "Throttling"),
        ("ec2", "describe_instances", "RequestLimitExceeded"),
        ("s3", "list_buckets", "SlowDown"),
        ("route53", "list_hosted_zones", "Throttling"),
        ("dynamodb", "list_tables", "ThrottlingException"),
        ("eks", "list_clusters", "TooManyRequestsException"),
    ],
)
def test_a_throttled_service_refuses_in_its_own_words_and_answers_when_asked_again(
    aws, broken, service, operation, code
):
    broken("throttling")
    call = getattr(aws(service, "eu-west-1"), operation)
    assert refusal(call) == code
    if service != "eks":  # which this lab has not
        assert call()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_botocore_takes_the_refusal_for_throttling(lab, broken):
    broken("throttling")
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")
    config = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 2})
    answer = session.client("rds", endpoint_url=lab.aws_endpoint, config=config).describe_db_instances()
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


def restore(lab, aws, name, region="eu-west-1", snapshot=None):
    """Restore to the end; gives how often it was `creating`, and the file of the rows."""
    rds = aws("rds", region)
    rds.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier=name, DBSnapshotIdentifier=snapshot or lab.snapshot_id
    )
    for asked in range(50):
        if rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"] == "available":
            return asked, lab.data_dir / region / f"{name}.sqlite"
    raise AssertionError("it was never available")


def test_a_slow_restore_is_creating_for_longer(lab, aws, broken):
    usual, _ = restore(lab, aws, "usual")
    broken("slow-restore")
    slow, _ = restore(lab, aws, "slow")
    assert (usual, slow) == (lab.restore_polls, lab.restore_polls + SLOW_RESTORE_POLLS)


def test_a_wrong_backup_lacks_rows_that_its_own_checksum_counts_until_it_is_mended(lab, aws, broken):
    broken("wrong-data")
    _, file = restore(lab, aws, "wrong")
    with dataset.open_database(file, read_only=True) as database:
        counted = database.execute("SELECT row_count FROM checksums").fetchone()[0]
    assert (dataset.describe(file).rows, counted) == (400, 500)
    client.set_broken(lab, Broken("wrong-data"), broken=False)
    assert file.read_bytes() == lab.snapshot_file.read_bytes()


def test_the_way_back_brings_what_was_written_in_the_standby_region(lab, aws):
    _, file = restore(lab, aws, "moved")
    dataset.add_review(file, "Time Sheets", 5, "Written after the failover.", datetime.now(UTC))
    there, here = aws("rds", "eu-west-1"), aws("rds", "us-east-1")
    arn = there.create_db_snapshot(DBInstanceIdentifier="moved", DBSnapshotIdentifier="moved-1")["DBSnapshot"][
        "DBSnapshotArn"
    ]
    here.copy_db_snapshot(
        SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier="moved-1", SourceRegion="eu-west-1"
    )
    _, back = restore(lab, aws, "back", "us-east-1", "moved-1")
    assert dataset.describe(back).content_sha256 == dataset.describe(file).content_sha256
    assert dataset.describe(back).rows == 501


def test_mail_that_is_down_refuses_connections_and_keeps_its_port(lab, broken):
    broken("mail")
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP(lab.smtp.host, lab.smtp.port, timeout=30)
    client.set_broken(lab, Broken("mail"), broken=False)
    with smtplib.SMTP(lab.smtp.host, lab.smtp.port, timeout=30) as server:
        assert server.noop()[0] == 250


def test_a_name_server_that_is_down_gives_no_answer(lab, broken, http):
    broken("dns")
    with pytest.raises(dns.exception.Timeout):
        ask_names(lab)
    assert http.get(f"{lab.front_url}/").status_code == 502
    client.set_broken(lab, Broken("dns"), broken=False)
    assert ask_names(lab, 5).answer


def test_status_pages_that_are_broken_can_be_read_again_and_say_what_they_said(lab, broken):
    broken("region us-east-1")
    broken("status-page")
    assert states(lab)["status pages"] == "unreadable"
    client.set_broken(lab, Broken("status-page"), broken=False)
    assert next(part.text for part in look(lab) if part.name == "status pages") == "trouble in us-east-1"


def test_the_lab_does_not_log_that_it_asked_itself(lab):
    before = lab.request_log.read_bytes()
    look(lab)
    assert lab.request_log.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("regoin us-east-1", "did you mean region?"),
        ("region us-est-1", "did you mean us-east-1?"),
        ("region", "say region us-east-1 or eu-west-1"),
        ("region us-east-1 now", "say region us-east-1"),
        ("mail us-east-1", "say mail"),
        ("volcano", ", ".join(kind.name for kind in BREAKAGES)),
        ("", ", ".join(kind.name for kind in BREAKAGES)),
    ],
)
def test_a_word_that_means_nothing_is_answered_with_those_that_do(words, hint):
    with pytest.raises(LabError) as caught:
        parse(words.split())
    assert hint in caught.value.hint
