"""A lab that lives on keeps fresh backups in the other region, and never too many."""

import boto3
from botocore.config import Config

from runbook_engine.lab import deploy
from runbook_engine.lab.backups import KEPT
from runbook_engine.lab.parent import is_gone


def named(rds):
    return {found["DBSnapshotIdentifier"] for found in rds.describe_db_snapshots()["DBSnapshots"]}


def next_snapshot(process):
    """Wait until the lab says that it took one; gives its name."""
    return process.stdout.readline().removeprefix("took the snapshot ").strip()


def clients(lab):
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test")
    return [
        session.client("rds", region, endpoint_url=lab.aws_endpoint, config=Config(proxies={}))
        for region in (lab.primary_region, lab.standby_region)
    ]


def test_snapshots_are_taken_copied_and_dropped(tmp_path, running_lab, wait_until):
    with running_lab(tmp_path, "--snapshot-every", "0.1") as (lab, process):
        primary, standby = clients(lab)
        taken = [next_snapshot(process) for _ in range(KEPT + 1)]
        assert taken[0] not in named(standby), "the oldest goes when there are more than enough"
        assert {taken[-1], lab.snapshot_id} <= named(standby), "what the plan did not take it does not drop"
        assert len(named(primary)) <= KEPT + 1
        newest = max(standby.describe_db_snapshots()["DBSnapshots"], key=lambda found: found["SnapshotCreateTime"])
        assert newest["SourceRegion"] == lab.primary_region
        manifest = lab.data_dir / "snapshots" / f"{newest['DBSnapshotIdentifier']}.manifest.json"
        assert '"rows": 5' in manifest.read_text()

        # After a failover, what the standby region serves is backed up into the primary one.
        standby.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier="reviews-dr", DBSnapshotIdentifier=lab.snapshot_id
        )
        database = lab.data_dir / lab.standby_region / "reviews-dr.sqlite"
        wait_until(lambda: standby.describe_db_instances() and database.exists())
        release = lab.releases[lab.version].file
        deploy.deploy(lab.apps["standby-1"].dir, deploy.Release(release, lab.version, database, lab.standby_region))
        while not (name := next_snapshot(process)).startswith("reviews-dr-"):
            pass
        assert name in named(primary)
    assert process.returncode == 0


def test_a_lab_whose_folder_is_taken_away_ends(tmp_path, running_lab, wait_until):
    with running_lab(tmp_path / "state") as (lab, process):
        (tmp_path / "state").rename(tmp_path / "away")
        wait_until(lambda: process.poll() is not None)
        assert is_gone(lab.pid)
        assert "is gone" in process.stdout.read()
