"""The status pages, the levers and the mail sink of a running lab."""

import json
import smtplib
from email.message import EmailMessage

import pytest

from runbook_engine.lab import client
from runbook_engine.lab.errors import LabError


@pytest.fixture(autouse=True)
def calm(lab):
    """Each test begins with calm pages."""
    client.set_status(lab, aws="clear", statuspage="none")


def _feed(lab, http):
    return http.get(f"{lab.status_url}/public/currentevents")


def _message(subject):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "dr@vendor.example", "all@vendor.example", subject
    message["Message-ID"] = f"<{subject}@vendor.example>"
    message.set_content("Ünterbrechung")
    return message


def test_the_feed_is_what_aws_sends(lab, http):
    client.set_status(lab, aws="degraded")
    answer = _feed(lab, http)
    assert answer.headers["content-type"] == "application/json;charset=utf-16"
    assert answer.content.startswith(b"\xfe\xff\x00[")
    active = [event for event in json.loads(answer.content) if "end_time" not in event]
    assert [event["arn"].split(":")[3] for event in active] == ["us-east-1"]
    assert active[0]["status"] == "3"


def test_the_feed_can_be_unreadable_or_away(lab, http):
    client.set_status(lab, aws="garbage")
    with pytest.raises(ValueError, match=r".+"):
        json.loads(_feed(lab, http).content)
    client.set_status(lab, aws="down")
    assert _feed(lab, http).status_code == 503


@pytest.mark.parametrize("state", ["none", "minor", "major", "critical", "maintenance"])
def test_the_statuspage_says_the_same_in_each_document(lab, http, state):
    client.set_status(lab, statuspage=state)
    documents = {
        name: http.get(f"{lab.status_url}/api/v2/{name}.json").json()
        for name in ("summary", "status", "incidents/unresolved")
    }
    assert documents["summary"]["status"]["indicator"] == state
    assert documents["status"]["status"] == documents["summary"]["status"]
    assert documents["incidents/unresolved"]["incidents"] == documents["summary"]["incidents"]
    expected = [] if state in {"none", "maintenance"} else [state]
    assert [incident["impact"] for incident in documents["summary"]["incidents"]] == expected
    calm = state == "none"
    assert all(entry["status"] == "operational" for entry in documents["summary"]["components"]) is calm


def test_breaking_a_region_ends_its_hosts_and_mending_brings_them_back(lab, http):
    broken = client.break_region(lab, "us-east-1")
    assert broken["regions"] == {"eu-west-1": {"up": True}, "us-east-1": {"up": False}}
    assert broken["aws"] == "degraded"
    with pytest.raises(Exception, match="refused"):
        http.get(f"{lab.apps['primary-1'].url}/health")
    assert http.get(f"{lab.apps['standby-1'].url}/health").status_code == 503
    mended = client.mend_region(lab, "us-east-1")
    assert mended["regions"]["us-east-1"] == {"up": True}
    assert http.get(f"{lab.apps['primary-1'].url}/health").json()["status"] == "ok"
    events = json.loads(_feed(lab, http).content)
    assert all("end_time" in event for event in events)


def test_a_lab_can_start_broken(tmp_path, running_lab, http):
    with running_lab(tmp_path, "--break", "us-east-1") as (broken, _):
        state = client.lab_state(broken)
        assert state["aws"] == "degraded"
        assert [host for host, pid in state["apps"].items() if pid is None] == ["primary-1", "primary-2"]


def test_a_wrong_lever_is_explained_and_changes_nothing(lab, http):
    before = client.lab_state(lab)
    for path, document in [
        ("state", {"aws": "exploded"}),
        ("state", {"azure": "clear"}),
        ("break", {"what": ["region", "mars-1"]}),
        ("mend", {"what": "region us-east-1"}),
        ("mail", {"address": "a@b.example", "code": 250}),
        ("coffee", {}),
    ]:
        answer = http.post(f"{lab.status_url}/_lab/{path}", json=document)
        assert answer.status_code == 400
        assert answer.json()["hint"]
    assert http.post(f"{lab.status_url}/_lab/state", content=b"[1").status_code == 400
    assert http.get(f"{lab.status_url}/api/v2/secrets.json").status_code == 404
    assert client.lab_state(lab) == before
    with pytest.raises(LabError, match="cannot be 'exploded'"):
        client.set_status(lab, aws="exploded")


def test_mail_is_kept_as_it_was_sent_and_logged(lab):
    with smtplib.SMTP(lab.smtp.host, lab.smtp.port, timeout=30) as connection:
        connection.send_message(_message("outage"), to_addrs=["a@customer.example", "b@customer.example"])
    entry = json.loads((lab.mail_dir / "log.ndjson").read_text().splitlines()[-1])
    assert entry["from"] == "dr@vendor.example"
    assert entry["to"] == ["a@customer.example", "b@customer.example"]
    assert entry["message_id"] == "<outage@vendor.example>"
    assert b"Subject: outage" in (lab.mail_dir / entry["file"]).read_bytes()


def test_a_recipient_can_be_refused_for_a_while(lab):
    client.refuse_mail(lab, "Gone@customer.example", 550)
    client.refuse_mail(lab, "busy@customer.example", 451)
    with smtplib.SMTP(lab.smtp.host, lab.smtp.port, timeout=30) as connection:
        people = ["gone@customer.example", "Busy@customer.example", "here@customer.example"]
        refused = connection.send_message(_message("partly"), to_addrs=people)
        assert {address: code for address, (code, _) in refused.items()} == {
            "gone@customer.example": 550,
            "Busy@customer.example": 451,
        }
        client.refuse_mail(lab, "busy@customer.example", None)
        assert connection.send_message(_message("again"), to_addrs=["busy@customer.example"]) == {}
    entries = [json.loads(line) for line in (lab.mail_dir / "log.ndjson").read_text().splitlines()]
    assert [entry["to"] for entry in entries[-2:]] == [["here@customer.example"], ["busy@customer.example"]]


def test_the_lab_shows_itself_and_its_mail_to_a_browser(lab, http):
    with smtplib.SMTP(lab.smtp.host, lab.smtp.port, timeout=30) as server:
        server.sendmail("dr@example.com", ["all@example.com"], "Subject: we are back\r\n\r\nhello")
    assert "Broken: nothing" in http.get(f"{lab.status_url}/").text
    assert "we are back" in http.get(f"{lab.status_url}/mail").text
    newest = json.loads((lab.mail_dir / "log.ndjson").read_text().splitlines()[-1])["file"]
    assert "hello" in http.get(f"{lab.status_url}/mail/{newest}").text
