"""Fills the emulated cloud with what the app has there; what exists already is left as it is."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from runbook_engine.lab import dataset, release

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import TagTypeDef
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_route53.literals import RRTypeType
    from mypy_boto3_route53.type_defs import ChangeTypeDef, ResourceRecordSetTypeDef
    from mypy_boto3_s3 import S3Client

PRIMARY, STANDBY = "us-east-1", "eu-west-1"
INSTANCE = "reviews"
ZONE = "reviews.example."
APP_NAME = f"app.{ZONE}"
BUCKETS = {region: f"reviews-artifacts-{region}" for region in (PRIMARY, STANDBY)}
TTL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SeedPlan:
    """What to fill, and from which files."""

    endpoint: str
    snapshot_id: str
    snapshot_file: Path
    releases: Path


def seed(plan: SeedPlan) -> str:
    """Create what is missing and return the hosted zone's id. A second call writes nothing."""
    session = boto3.session.Session(
        aws_access_key_id="lab", aws_secret_access_key=secrets.token_hex(8), region_name=PRIMARY
    )
    config = Config(proxies={}, retries={"total_max_attempts": 1})
    primary, standby = (
        session.client("rds", region, endpoint_url=plan.endpoint, config=config) for region in (PRIMARY, STANDBY)
    )
    _seed_database(primary, standby, plan.snapshot_id)
    for region in BUCKETS:
        bucket_client = session.client("s3", region, endpoint_url=plan.endpoint, config=config)
        _seed_bucket(bucket_client, region, objects(plan, region))
    return _seed_zone(session.client("route53", endpoint_url=plan.endpoint, config=config))


def objects(plan: SeedPlan, region: str) -> dict[str, bytes]:
    """What the region's bucket holds; the standby's lacks the newest release and today's export."""
    content: dict[str, bytes] = {}
    lacking = region != PRIMARY
    for version in (release.PREVIOUS,) if lacking else (release.PREVIOUS, release.CURRENT):
        archive = plan.releases / f"reviews-{version}.tar.gz"
        for file in (archive, archive.with_name(f"{archive.name}.sha256")):
            content[f"releases/{file.name}"] = file.read_bytes()
    today = datetime.fromtimestamp(plan.snapshot_file.stat().st_mtime, UTC).date()
    for day in (today - timedelta(days=1),) if lacking else (today - timedelta(days=1), today):
        content.update(_export(plan.snapshot_file, day.isoformat()))
    return content


def _export(database_file: Path, day: str) -> dict[str, bytes]:
    """A data export up to the end of a day, with a manifest of SHA-256 sums."""
    with dataset.open_database(database_file, read_only=True) as database:
        rows = database.execute(
            "SELECT id, app, stars, body, created_at FROM reviews WHERE created_at <= ? ORDER BY id",
            (f"{day}T23:59:59Z",),
        ).fetchall()
    names = ("id", "app", "stars", "body", "created_at")
    lines = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows]
    data = ("\n".join(lines) + "\n").encode()
    files = {"reviews.ndjson": {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "rows": len(rows)}}
    newest = rows[-1][-1] if rows else None
    manifest = json.dumps({"day": day, "newest": newest, "files": files}, indent=2).encode() + b"\n"
    return {f"exports/{day}/reviews.ndjson": data, f"exports/{day}/manifest.json": manifest}


def _seed_database(primary: RDSClient, standby: RDSClient, snapshot_id: str) -> None:
    tags: list[TagTypeDef] = [{"Key": "app", "Value": "reviews"}, {"Key": "environment", "Value": "production"}]
    try:
        primary.describe_db_instances(DBInstanceIdentifier=INSTANCE)
    except ClientError as error:
        _expect(error, "DBInstanceNotFound")
        primary.create_db_instance(
            DBInstanceIdentifier=INSTANCE,
            Engine="postgres",
            EngineVersion="16.4",
            DBInstanceClass="db.t4g.small",
            AllocatedStorage=20,
            DBName="reviews",
            MasterUsername="reviews",
            MasterUserPassword=secrets.token_urlsafe(16),
            BackupRetentionPeriod=0,  # no automated snapshot, which would be newer than ours
            CopyTagsToSnapshot=True,
            Tags=tags,
        )
    if not _has_snapshot(primary, snapshot_id):
        primary.create_db_snapshot(DBInstanceIdentifier=INSTANCE, DBSnapshotIdentifier=snapshot_id, Tags=tags)
    if not _has_snapshot(standby, snapshot_id):
        found = primary.describe_db_snapshots(DBSnapshotIdentifier=snapshot_id)["DBSnapshots"][0]
        standby.copy_db_snapshot(
            SourceDBSnapshotIdentifier=found["DBSnapshotArn"],
            TargetDBSnapshotIdentifier=snapshot_id,
            SourceRegion=PRIMARY,
            Tags=[*tags, {"Key": "copied-from", "Value": PRIMARY}],
        )


def _has_snapshot(client: RDSClient, snapshot_id: str) -> bool:
    try:
        client.describe_db_snapshots(DBSnapshotIdentifier=snapshot_id)
    except ClientError as error:
        _expect(error, "DBSnapshotNotFound")
        return False
    return True


def _seed_bucket(client: S3Client, region: str, content: dict[str, bytes]) -> None:
    bucket = BUCKETS[region]
    if bucket not in {found["Name"] for found in client.list_buckets()["Buckets"]}:
        if region == "us-east-1":  # S3 refuses a location constraint there
            client.create_bucket(Bucket=bucket)
        else:
            client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    present = {found["Key"] for found in client.list_objects_v2(Bucket=bucket).get("Contents", [])}
    for key, body in content.items():
        if key not in present:
            client.put_object(Bucket=bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256")


def _seed_zone(client: Route53Client) -> str:
    found = client.list_hosted_zones_by_name(DNSName=ZONE)["HostedZones"]
    if found:
        zone_id = found[0]["Id"]
    else:
        zone_id = client.create_hosted_zone(Name=ZONE, CallerReference=ZONE)["HostedZone"]["Id"]
    records = client.list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
    present = {(record["Name"], record["Type"]) for record in records}
    wanted: list[ChangeTypeDef] = [
        _record(f"primary.{ZONE}", "A", "127.0.0.1"),
        _record(f"standby.{ZONE}", "A", "127.0.0.1"),
        _record(APP_NAME, "CNAME", f"primary.{ZONE}"),
        _record(ZONE, "TXT", f'"serving-region={PRIMARY}"'),
    ]
    missing = [
        change
        for change in wanted
        if (change["ResourceRecordSet"]["Name"], change["ResourceRecordSet"]["Type"]) not in present
    ]
    if missing:
        client.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": missing})
    return zone_id.rpartition("/")[2]


def _record(name: str, kind: RRTypeType, value: str) -> ChangeTypeDef:
    records: ResourceRecordSetTypeDef = {
        "Name": name,
        "Type": kind,
        "TTL": TTL_SECONDS,
        "ResourceRecords": [{"Value": value}],
    }
    return {"Action": "CREATE", "ResourceRecordSet": records}


def _expect(error: ClientError, code: str) -> None:
    """Go on only after the one refusal that means `not there yet`."""
    if error.response["Error"]["Code"] != code:
        raise error
