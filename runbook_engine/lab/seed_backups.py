"""Fills the cloud with backups besides the database's: a volume's, a table's, a vault, a key, a container image."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from runbook_engine.lab.block_bridge import COPIED
from runbook_engine.lab.release import CURRENT
from runbook_engine.lab.seed import PRIMARY, STANDBY
from runbook_engine.lab.vaults import RecoveryPoint, Vaults

if TYPE_CHECKING:
    from collections.abc import Callable

    Client = Callable[[str, str], Any]

TABLE = "reviews-sessions"
SESSIONS = 100
VAULT = "reviews"
KEY = "alias/reviews"
REPOSITORY = "reviews"
VOLUME_TAGS = {"app": "reviews", "volume": "attachments"}
BLOCK = 512 * 1024
BLOCKS = (0, 1, 2, 1500)


def seed_backups(endpoint: str, account: str, vaults: Vaults) -> None:
    """Create what stands by in both regions besides the database, its archives and its secret."""
    session: Any = boto3.session.Session(aws_access_key_id="lab", aws_secret_access_key=secrets.token_hex(8))
    config = Config(proxies={}, retries={"total_max_attempts": 1})

    def client(service: str, region: str) -> Any:
        return session.client(service, region, endpoint_url=endpoint, config=config)

    _seed_volume(client)
    _seed_registry(client)
    _seed_key(client)
    backups = _seed_table(client)
    resource = f"arn:aws:dynamodb:{PRIMARY}:{account}:table/{TABLE}"
    for region, (backup, taken) in backups.items():
        client("backup", region).create_backup_vault(BackupVaultName=VAULT)
        name = f"arn:aws:backup:{region}:{account}:recovery-point:{str(uuid.uuid4()).upper()}"
        vaults.hold(region, RecoveryPoint(VAULT, name, resource, backup, taken))


def _seed_volume(client: Client) -> None:
    """A snapshot of a volume with a few blocks, and its copy."""
    text, first = "attachments of reviews", ""
    for region in (PRIMARY, STANDBY):
        ebs = client("ebs", region)
        description = f"{COPIED}{first} from {PRIMARY}]" if first else text
        tags = [{"Key": key, "Value": value} for key, value in VOLUME_TAGS.items()]
        snapshot = ebs.start_snapshot(VolumeSize=1, Description=description, Tags=tags)["SnapshotId"]
        for index in BLOCKS:
            data = f"attachment {index}\n".encode().ljust(BLOCK, b"\0")
            ebs.put_snapshot_block(
                SnapshotId=snapshot,
                BlockIndex=index,
                BlockData=data,
                DataLength=BLOCK,
                Checksum=base64.b64encode(hashlib.sha256(data).digest()).decode(),
                ChecksumAlgorithm="SHA256",
            )
        ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=len(BLOCKS))
        first = first or snapshot


def _seed_registry(client: Client) -> None:
    """The release's container image, replicated."""
    config = {"app": "reviews", "version": CURRENT}
    digest = hashlib.sha256(json.dumps(config).encode()).hexdigest()
    kind = "application/vnd.docker.container.image.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": kind, "size": len(json.dumps(config)), "digest": f"sha256:{digest}"},
        "layers": [],
    }
    for region in (PRIMARY, STANDBY):
        ecr = client("ecr", region)
        ecr.create_repository(repositoryName=REPOSITORY)
        ecr.put_image(repositoryName=REPOSITORY, imageTag=CURRENT, imageManifest=json.dumps(manifest))


def _seed_key(client: Client) -> None:
    """A multi-Region key with its replica, and an alias in each region."""
    key = client("kms", PRIMARY).create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    client("kms", PRIMARY).replicate_key(KeyId=key, ReplicaRegion=STANDBY)
    for region in (PRIMARY, STANDBY):
        client("kms", region).create_alias(AliasName=KEY, TargetKeyId=key)


def _seed_table(client: Client) -> dict[str, tuple[str, datetime]]:
    """A table of sessions with a replica, and a backup in each region; gives the backups' ARNs and times."""
    home = client("dynamodb", PRIMARY)
    home.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    home.update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": STANDBY}}])
    now = datetime.now(UTC)
    for first in range(0, SESSIONS, 25):  # as many as DynamoDB takes at once
        puts = [{"PutRequest": {"Item": _session(number, now)}} for number in range(first, first + 25)]
        home.batch_write_item(RequestItems={TABLE: puts})
    backups = {}
    for region in (PRIMARY, STANDBY):
        made = client("dynamodb", region).create_backup(TableName=TABLE, BackupName=f"{TABLE}-{now:%Y-%m-%d}")
        backups[region] = (made["BackupDetails"]["BackupArn"], made["BackupDetails"]["BackupCreationDateTime"])
    return backups


def _session(number: int, now: datetime) -> dict[str, dict[str, str]]:
    began = now - timedelta(minutes=number)
    return {
        "id": {"S": f"s-{number}"},
        "user": {"S": f"visitor {number % 7}"},
        "began_at": {"S": began.isoformat(timespec="seconds")},
    }
