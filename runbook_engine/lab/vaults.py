"""AWS Backup's recovery points and restore jobs, which neither emulator has: a stateful fake for DynamoDB tables.

Its restores are real ones: a job restores the table's backup that stands behind the recovery point. All else of AWS
Backup (vaults, plans) is the second emulator's.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from botocore.exceptions import ClientError

from runbook_engine.lab.request_log import read_call

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from runbook_engine.lab.table_bridge import TableBridge

SERVICE = "backup"
KIND = "DynamoDB"
RUNNING_LOOKS = 1


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """A recovery point in a vault, and the table's backup behind it."""

    vault: str
    arn: str
    resource: str
    backup: str
    taken: datetime


@dataclass(slots=True)
class _Job:
    """A restore job; `looks` are the answers that still call it running."""

    id: str
    point: RecoveryPoint
    role: str
    made: str
    began: datetime
    looks: int = RUNNING_LOOKS
    ended: datetime | None = None


@dataclass(slots=True)
class _Region:
    points: list[RecoveryPoint] = field(default_factory=list)
    jobs: dict[str, _Job] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)


class _RefusedError(Exception):
    """What AWS Backup answers to a request that it refuses."""

    def __init__(self, code: str, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Vaults:
    """The recovery points and jobs of both regions; safe to share between threads."""

    def __init__(self, account: str, tables: TableBridge) -> None:
        """There are none yet."""
        self._account, self._tables = account, tables
        self._regions: dict[str, _Region] = {}
        self._lock = threading.Lock()

    def hold(self, region: str, point: RecoveryPoint) -> None:
        """Put a recovery point into its vault."""
        with self._lock:
            self._regions.setdefault(region, _Region()).points.append(point)

    def serving(self, inner: WSGIApplication) -> WSGIApplication:
        """An application that answers for recovery points and restore jobs, and passes on the rest."""

        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            call = read_call(environ)
            words = [unquote(word) for word in _path(environ).split("/") if word]
            if call.service != SERVICE or not self._is_ours(words):
                return inner(environ, start_response)
            try:
                answer = self._answer(call.region, call.method, words, environ)
            except _RefusedError as refused:
                body = json.dumps({"Code": refused.code, "Message": str(refused)}).encode()
                headers = [("x-amzn-ErrorType", refused.code)]
                return _send(start_response, refused.status, body, headers)
            return _send(start_response, HTTPStatus.OK, json.dumps(answer).encode(), [])

        return application

    @staticmethod
    def _is_ours(words: list[str]) -> bool:
        return words[:1] == ["restore-jobs"] or (words[:1] == ["backup-vaults"] and "recovery-points" in words[2:3])

    def _answer(self, region: str, method: str, words: list[str], environ: WSGIEnvironment) -> dict[str, object]:
        with self._lock:
            here = self._regions.setdefault(region, _Region())
            match words:
                case ["backup-vaults", vault, "recovery-points"]:
                    wanted = parse_qs(str(environ.get("QUERY_STRING", ""))).get("resourceArn")
                    found = [one for one in here.points if one.vault == vault]
                    return {"RecoveryPoints": [_point(one) for one in found if not wanted or one.resource in wanted]}
                case ["backup-vaults", vault, "recovery-points", *arn, "restore-metadata"]:
                    point = _find(here, "/".join(arn), vault)
                    table = point.resource.rpartition("/")[2]
                    metadata = {"targetTableName": table, "encryptionType": "Default"}
                    return {"RecoveryPointArn": point.arn, "RestoreMetadata": metadata, "ResourceType": KIND}
                case ["restore-jobs"] if method == "PUT":
                    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                    return {"RestoreJobId": self._start(region, here, json.loads(body))}
                case ["restore-jobs"]:
                    return {"RestoreJobs": [self._job(one) for one in here.jobs.values()]}
                case ["restore-jobs", name] if name in here.jobs:
                    job = here.jobs[name]
                    job.looks -= 1
                    return self._job(job)
        raise _RefusedError("ResourceNotFoundException", f"there is no {'/'.join(words)}", HTTPStatus.NOT_FOUND)

    def _start(self, region: str, here: _Region, asked: Mapping[str, Any]) -> str:
        """Begin a job; the same token is the same job."""
        token = str(asked.get("IdempotencyToken") or uuid.uuid4())
        if token in here.tokens:
            return here.tokens[token]
        point = _find(here, asked["RecoveryPointArn"])
        table = asked["Metadata"].get("targetTableName")
        if not table:
            raise _RefusedError("InvalidParameterValueException", "Metadata lacks targetTableName")
        began = datetime.now(UTC)
        try:
            made = self._tables.restore(region, point.backup, table)
        except ClientError as error:
            raise _RefusedError("InvalidRequestException", str(error)) from error
        job = _Job(str(uuid.uuid4()).upper(), point, str(asked.get("IamRoleArn", "")), made, began)
        here.jobs[job.id] = job
        here.tokens[token] = job.id
        return job.id

    def _job(self, job: _Job) -> dict[str, object]:
        running = job.looks > 0
        if not running and job.ended is None:
            job.ended = datetime.now(UTC)
        facts: dict[str, object] = {
            "AccountId": self._account,
            "RestoreJobId": job.id,
            "RecoveryPointArn": job.point.arn,
            "CreationDate": job.began.timestamp(),
            "Status": "RUNNING" if running else "COMPLETED",
            "PercentDone": "50.00%" if running else "100.00%",
            "IamRoleArn": job.role,
            "ResourceType": KIND,
        }
        if job.ended is not None:
            facts |= {"CompletionDate": job.ended.timestamp(), "CreatedResourceArn": job.made}
        return facts


def _path(environ: WSGIEnvironment) -> str:
    """The path as it was sent: an ARN in it has slashes of its own."""
    return str(environ.get("RAW_URI") or environ.get("PATH_INFO", "/")).partition("?")[0]


def _find(here: _Region, arn: str, vault: str | None = None) -> RecoveryPoint:
    for point in here.points:
        if point.arn == arn and vault in {None, point.vault}:
            return point
    raise _RefusedError("ResourceNotFoundException", f"there is no recovery point {arn}")


def _point(point: RecoveryPoint) -> dict[str, object]:
    return {
        "RecoveryPointArn": point.arn,
        "BackupVaultName": point.vault,
        "ResourceArn": point.resource,
        "ResourceType": KIND,
        "Status": "COMPLETED",
        "CreationDate": point.taken.timestamp(),
        "IsEncrypted": False,
    }


def _send(
    start_response: StartResponse, status: HTTPStatus, body: bytes, headers: list[tuple[str, str]]
) -> Iterable[bytes]:
    kind = ("Content-Type", "application/json")
    start_response(f"{status.value} {status.phrase}", [kind, ("Content-Length", str(len(body))), *headers])
    return [body]
