"""What the demo looks at to see that everything is as promised: requests, mail, hosts, names, the app itself."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import dns.message
import dns.query

from runbook_engine.lab.client import LabAddresses

SECONDS = 5.0


def aws_writes(lab: LabAddresses, after: int = 0) -> list[str]:
    """Name the requests to the cloud that change something, leaving out the first `after` of the log's lines."""
    calls = [json.loads(line) for line in lab.request_log.read_text(encoding="utf-8").splitlines()[after:]]
    return [f"{call['service']}:{call['operation']}" for call in calls if call["write"]]


def aws_requests(lab: LabAddresses) -> int:
    """Count all requests to the cloud."""
    return len(lab.request_log.read_text(encoding="utf-8").splitlines())


def mails_to(lab: LabAddresses, recipient: str) -> list[Path]:
    """Give the messages that the mail server took for a recipient."""
    log = lab.mail_dir / "log.ndjson"
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    return [lab.mail_dir / line["file"] for line in lines if recipient in line["to"]]


def deployments(lab: LabAddresses) -> dict[str, int]:
    """Count how often the deploy command ran on each standby host."""
    logs = {name: app.dir / "deploy.log" for name, app in lab.apps.items() if app.region == lab.standby_region}
    return {
        name: len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0 for name, log in logs.items()
    }


def name_leads_to(lab: LabAddresses, name: str) -> str:
    """Ask the zone's name server where a name leads."""
    answer = dns.query.udp(dns.message.make_query(name, "CNAME"), lab.dns.host, port=lab.dns.port, timeout=SECONDS)
    return answer.answer[0][0].to_text() if answer.answer else ""


def get_json(url: str) -> dict[str, object]:
    """Get a JSON object by HTTP; no proxy of the environment comes between.

    Raises:
        OSError: it does not answer, or not with success.
    """
    with build_opener(ProxyHandler({})).open(url, timeout=SECONDS) as answer:
        found: dict[str, object] = json.load(answer)
        return found
