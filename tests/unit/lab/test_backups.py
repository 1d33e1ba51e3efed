"""A lab that lives on keeps fresh backups in the other region, and never too many."""

import boto3
from botocore.config import Config

from runbook_engine.lab.backups import KEPT
from runbook_engine.lab.parent import is_gone


def named(rds):
    return {found["DBSnapshotIdentifier"] for found in rds.describe_db_snapshots()["DBSnapshots"]}


def clients(lab):
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test")
    return [
        session.client("rds", region, endpoint_url=lab.aws_endpoint, config=Config(proxies={}))
        for region in (lab.primary_region, lab.standby_region)
    ]


def test_snapshots_are_taken_copied_and_dropped(tmp_path, running_lab, wait_until):
    with running_lab(tmp_path, "--snapshot-every", "0.1") as (lab, process):
        primary, standby = clients(lab)
        wait_until(lambda: len(named(standby)) == KEPT + 1)  # those of the plan, and the one of the beginning
        seen = named(standby)
        wait_until(lambda: seen - named(standby))
        assert lab.snapshot_id in named(standby), "what the plan did not take it does not drop"
        assert len(named(primary)) <= KEPT + 1
        newest = max(standby.describe_db_snapshots()["DBSnapshots"], key=lambda found: found["SnapshotCreateTime"])
        assert newest["SourceRegion"] == lab.primary_region
        manifest = lab.data_dir / "snapshots" / f"{newest['DBSnapshotIdentifier']}.manifest.json"
        assert '"rows": 5' in manifest.read_text()
    assert process.returncode == 0


def test_a_lab_whose_folder_is_taken_away_ends(tmp_path, running_lab, wait_until):
    with running_lab(tmp_path / "state") as (lab, process):
        (tmp_path / "state").rename(tmp_path / "away")
        wait_until(lambda: process.poll() is not None)
        assert is_gone(lab.pid)
        assert "is gone" in process.stdout.read()
