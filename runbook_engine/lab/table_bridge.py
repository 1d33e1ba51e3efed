"""DynamoDB tables that were restored, in the second emulator: what they were restored from, and wrong data in them.

The emulator restores real items, but does not say afterwards what a table was restored from, as AWS does.
"""

from __future__ import annotations

import io
import json
import secrets
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from runbook_engine.lab.request_log import read_call

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    Item = dict[str, Any]

SERVICE = "dynamodb"
LOST_OF = 5
"""A spoiled restore lacks every fifth item."""
_AMENDED = frozenset({"DescribeTable", "RestoreTableFromBackup", "DeleteTable"})


class TableBridge:
    """Knows what was restored. Safe to share between threads; `endpoint` says where the emulator itself answers."""

    def __init__(self, endpoint: Callable[[], str]) -> None:
        """Nothing was restored, and nothing is spoiled."""
        self._endpoint = endpoint
        self._lock = threading.RLock()
        self._spoiled = False
        self._summaries: dict[tuple[str, str], dict[str, object]] = {}
        self._lost: dict[tuple[str, str], list[Item]] = {}

    def serving(self, inner: WSGIApplication) -> WSGIApplication:
        """The emulator as an application whose answers about restored tables are amended."""

        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            call = read_call(environ)
            if call.service != SERVICE or call.operation not in _AMENDED:
                return inner(environ, start_response)
            sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            answered: list[tuple[str, list[tuple[str, str]]]] = []

            def note(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
                answered.append((status, headers))
                return lambda _: None

            body = b"".join(inner({**environ, "wsgi.input": io.BytesIO(sent)}, note))
            status, headers = answered[-1]
            if status.startswith("200"):
                body = self._amended(call.region, call.operation, json.loads(sent or b"{}"), body)
            left_out = {"content-length", "x-amz-crc32"}  # those of the body as it was
            kept = [(name, value) for name, value in headers if name.lower() not in left_out]
            start_response(status, [*kept, ("Content-Length", str(len(body)))])
            return [body]

        return application

    def restore(self, region: str, backup: str, table: str) -> str:
        """Restore a backup as a new table, as another service does; gives the table's ARN."""
        made = self._client(region).restore_table_from_backup(TargetTableName=table, BackupArn=backup)
        self._restored(region, table, backup)
        return str(made["TableDescription"]["TableArn"])

    def set_spoiled(self, *, spoiled: bool) -> None:
        """Let restores bring a part of their items only, or let them and what they brought be right again."""
        with self._lock:
            mended = self._spoiled and not spoiled
            self._spoiled = spoiled
            if not mended:
                return
            for (region, table), items in self._lost.items():
                for item in items:
                    self._client(region).put_item(TableName=table, Item=item)
            self._lost.clear()

    def _amended(self, region: str, operation: str, asked: dict[str, str], body: bytes) -> bytes:
        if operation == "RestoreTableFromBackup":
            self._restored(region, asked["TargetTableName"], asked["BackupArn"])
            return body
        name = asked["TableName"].rpartition("/")[2]
        if operation == "DeleteTable":
            with self._lock:
                self._summaries.pop((region, name), None)
                self._lost.pop((region, name), None)
            return body
        summary = self._summaries.get((region, name))
        if summary is None:
            return body
        answer = json.loads(body)
        answer["Table"]["RestoreSummary"] = summary
        return json.dumps(answer).encode()

    def _restored(self, region: str, table: str, backup: str) -> None:
        """Note where a table is from, and spoil it if restores are spoiled."""
        client = self._client(region)
        described = client.describe_backup(BackupArn=backup)["BackupDescription"]
        with self._lock:
            self._summaries[region, table] = {
                "SourceBackupArn": backup,
                "SourceTableArn": described["SourceTableDetails"].get("TableArn", ""),
                "RestoreDateTime": described["BackupDetails"]["BackupCreationDateTime"].timestamp(),
                "RestoreInProgress": False,
            }
            if not self._spoiled:
                return
            keys = [key["AttributeName"] for key in described["SourceTableDetails"]["KeySchema"]]
            items = [item for page in client.get_paginator("scan").paginate(TableName=table) for item in page["Items"]]
            lost = items[::LOST_OF]
            for item in lost:
                client.delete_item(TableName=table, Key={key: item[key] for key in keys})
            self._lost[region, table] = lost

    def _client(self, region: str) -> Any:
        """A client of the emulator itself: what the lab does is no request of its user's."""
        session: Any = boto3.session.Session(aws_access_key_id="lab", aws_secret_access_key=secrets.token_hex(8))
        config = Config(proxies={}, retries={"total_max_attempts": 1})
        return session.client(SERVICE, region, endpoint_url=self._endpoint(), config=config)
