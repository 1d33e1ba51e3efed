"""Looks at each part of a running lab from outside, as those do who use it."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

import dns.exception
import dns.message
import dns.query
import httpx

from runbook_engine.lab.addresses import LabAddresses

SECONDS = 2.0
DNS_SECONDS = 1.0
BANNER_BYTES = 100


@dataclass(frozen=True, slots=True)
class Part:
    """One part, its address, and what was seen: `state` is up, standby, down or unreadable."""

    name: str
    address: str
    state: str
    text: str


def look(lab: LabAddresses) -> list[Part]:
    """Look at every part, one after the other; what does not answer is down."""
    with httpx.Client(trust_env=False, timeout=SECONDS) as client:
        return [
            *_clouds(lab, client),
            _pages(lab, client),
            _mail(lab),
            _names(lab),
            _app("app", lab.front_url, client),
            *(_app(name, app.url, client) for name, app in lab.apps.items()),
        ]


def _clouds(lab: LabAddresses, client: httpx.Client) -> Iterator[Part]:
    for region in (lab.primary_region, lab.standby_region):
        answers = _get(client, f"{lab.aws_endpoint}/_lab/alive/{region}")
        up = answers is not None and answers.status_code == HTTPStatus.OK
        text = "its APIs answer" if up else "its APIs answer 503" if answers is not None else "nothing answers"
        yield Part(f"aws {region}", lab.aws_endpoint, "up" if up else "down", text)


def _pages(lab: LabAddresses, client: httpx.Client) -> Part:
    answer = _get(client, f"{lab.status_url}/public/currentevents")
    if answer is None:
        return Part("status pages", lab.status_url, "down", "nothing answers")
    try:
        events = json.loads(answer.content)
    except ValueError:
        return Part("status pages", lab.status_url, "unreadable", "what they say is no JSON")
    active = [event["arn"].split(":")[3] for event in events if "end_time" not in event]
    return Part("status pages", lab.status_url, "up", f"trouble in {', '.join(active)}" if active else "no trouble")


def _mail(lab: LabAddresses) -> Part:
    address = f"{lab.smtp.host}:{lab.smtp.port}"
    with contextlib.suppress(OSError), socket.create_connection((lab.smtp.host, lab.smtp.port), SECONDS) as connection:
        if connection.recv(BANNER_BYTES).startswith(b"220"):
            return Part("mail", address, "up", f"{len(list(lab.mail_dir.glob('*.eml')))} messages")
    return Part("mail", address, "down", "it takes no connection")


def _names(lab: LabAddresses) -> Part:
    address = f"{lab.dns.host}:{lab.dns.port}"
    query = dns.message.make_query(lab.app_name, "CNAME")
    try:
        answer = dns.query.udp(query, lab.dns.host, timeout=DNS_SECONDS, port=lab.dns.port).answer
    except (OSError, dns.exception.DNSException):
        return Part("name server", address, "down", "no answer")
    target = answer[0][0].to_text().rstrip(".") if answer else "nothing"
    return Part("name server", address, "up", f"{lab.app_name.rstrip('.')} leads to {target}")


def _app(name: str, url: str, client: httpx.Client) -> Part:
    answer = _get(client, f"{url}/health")
    if answer is None:
        return Part(name, url, "down", "nothing answers")
    try:
        said = answer.json()
    except ValueError:
        return Part(name, url, "down", answer.text.strip())
    if answer.status_code == HTTPStatus.OK:
        return Part(name, url, "up", f"{said['reviews']} reviews from {said['region']}, release {said['version']}")
    if said.get("status") == "standby":
        return Part(name, url, "standby", "runs, and serves nothing")
    return Part(name, url, "down", f"it says {said}")


def _get(client: httpx.Client, url: str) -> httpx.Response | None:
    try:
        return client.get(url)
    except httpx.HTTPError:
        return None
