"""The app's hosts and the deploy command, against a running lab."""

import json
import subprocess
import sys

import pytest

from runbook_engine.lab import dataset, deploy

STANDBY = "eu-west-1"


def _deploy(host, *arguments):
    command = [sys.executable, "-m", "runbook_engine.lab.deploy", "--host-dir", str(host), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _executions(host):
    return (host / "deploy.log").read_text().splitlines() if (host / "deploy.log").exists() else []


@pytest.fixture
def restored(lab, aws):
    """A database that was restored from the snapshot."""
    rds = aws("rds", STANDBY)
    file = lab.data_dir / STANDBY / "reviews-dr.sqlite"
    if not file.exists():
        rds.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier="reviews-dr", DBSnapshotIdentifier=lab.snapshot_id
        )
        for _ in range(3):
            rds.describe_db_instances()
    return file


@pytest.fixture
def arguments(lab, restored):
    """What a runbook passes to the deploy command."""
    release = lab.releases[lab.version]
    return (
        "--release", release.file, "--sha256", release.sha256, "--db", restored,
        "--region", STANDBY, "--version", lab.version,
    )  # fmt: skip


def test_the_primary_serves_and_lost_writes_are_in_it(lab, http):
    for name in ("primary-1", "primary-2"):
        health = http.get(f"{lab.apps[name].url}/health")
        assert health.status_code == 200
        assert health.json() == {
            "status": "ok",
            "db": "ok",
            "version": lab.version,
            "region": "us-east-1",
            "reviews": 506,
            "host": name,
        }


def test_a_browser_gets_a_page_in_which_nothing_can_run(lab, http):
    posted = http.post(
        f"{lab.front_url}/reviews", json={"app": "<script>alert(1)</script>", "stars": 5, "body": "<b>bold</b>"}
    )
    assert posted.status_code == 201
    page = http.get(f"{lab.front_url}/", headers={"Accept": "text/html,*/*"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "507 reviews, served by primary-1 in us-east-1" in page.text
    assert "&lt;b&gt;bold" in page.text
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    standby = http.get(f"{lab.apps['standby-2'].url}/", headers={"Accept": "text/html"})
    assert (standby.status_code, "does not answer" in standby.text) == (503, True)


def test_a_standby_serves_the_restored_rows_after_it_was_deployed_to(lab, http, restored, arguments):
    app = lab.apps["standby-1"]
    assert http.get(f"{app.url}/health").json() == {"status": "standby"}
    assert http.post(f"{app.url}/reviews", json={}).status_code == 503
    assert _executions(app.dir) == []
    done = _deploy(app.dir, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert (app.dir / "releases" / lab.version / ".complete").exists()
    assert len(_executions(app.dir)) == 1
    health = http.get(f"{app.url}/health").json()
    assert (health["status"], health["region"], health["reviews"]) == ("ok", STANDBY, 500)
    newest = http.get(f"{app.url}/reviews").json()["reviews"][0]
    assert newest["id"] == 500
    written = http.post(f"{app.url}/reviews", json={"app": "Form Builder", "stars": 5, "body": "Back!"})
    assert (written.status_code, written.json()) == (201, {"id": 501})
    assert dataset.describe(restored).rows == 501
    assert http.post(f"{app.url}/reviews", json={"app": "x", "stars": 9, "body": "no"}).status_code == 400
    assert http.post(f"{app.url}/reviews", content=b"[").status_code == 400
    assert http.get(f"{app.url}/nothing").status_code == 404


def test_a_host_whose_data_or_release_is_gone_is_not_healthy(lab, http, restored, arguments):
    app = lab.apps["standby-2"]
    assert _deploy(app.dir, *arguments).returncode == 0
    moved = restored.with_suffix(".away")
    restored.rename(moved)
    gone = http.get(f"{app.url}/health")
    moved.rename(restored)
    assert (gone.status_code, gone.json()["db"]) == (503, "missing")
    (app.dir / "releases" / lab.version / "release.json").unlink()
    assert http.get(f"{app.url}/health").json()["release"] == "missing"


def test_a_host_can_be_made_a_standby_again(lab, http, arguments):
    app = lab.apps["standby-1"]
    assert _deploy(app.dir, *arguments).returncode == 0
    assert _deploy(app.dir, "--deactivate").returncode == 0
    assert http.get(f"{app.url}/health").json() == {"status": "standby"}
    assert not (app.dir / "releases" / lab.version / ".complete").exists()
    assert _deploy(app.dir, "--deactivate").returncode == 0


def _host(tmp_path):
    host = tmp_path / "host"
    host.mkdir()
    return host


def _changed(arguments, option, value):
    changed = list(arguments)
    changed[changed.index(option) + 1] = value
    return changed


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--db", "/nowhere/reviews.sqlite", "does not exist"),
        ("--db", __file__, "not the app's database"),
        ("--release", "/nowhere/reviews.tar.gz", "does not exist"),
        ("--sha256", "0" * 64, "SHA-256"),
        ("--version", "../../etc", "not a version"),
    ],
)
def test_an_unfit_deployment_is_refused_and_leaves_the_host_as_it_was(tmp_path, arguments, option, value, said):
    host = _host(tmp_path)
    done = _deploy(host, *_changed(arguments, option, value))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (host / "app.json").exists()
    assert not list(host.glob("releases/*/.complete"))
    assert len(_executions(host)) == 1


def test_a_broken_archive_is_refused(tmp_path, lab, arguments):
    whole = lab.releases[lab.version].file.read_bytes()
    for number, content in enumerate([whole[: len(whole) // 2], b"not an archive", b""]):
        host = _host(tmp_path / str(number)) if (tmp_path / str(number)).mkdir() is None else None
        archive = host / "broken.tar.gz"
        archive.write_bytes(content)
        changed = _changed(arguments, "--release", archive)
        del changed[changed.index("--sha256") : changed.index("--sha256") + 2]
        done = _deploy(host, *changed)
        assert done.returncode == 1, content
        assert "cannot be unpacked" in done.stderr
        assert not (host / "app.json").exists()


def test_a_deployment_that_was_interrupted_is_not_complete_and_can_be_repeated(tmp_path, lab, restored, wait_until):
    host = _host(tmp_path)
    archive = lab.releases[lab.version].file
    command = [sys.executable, "-m", "runbook_engine.lab.deploy", "--host-dir", host, "--release", archive]
    command += ["--db", restored, "--region", STANDBY, "--version", lab.version, "--pause", "60"]
    unpacked = host / "releases" / lab.version
    with subprocess.Popen(command) as process:
        wait_until(unpacked.exists)
        process.kill()
    assert not (unpacked / ".complete").exists()
    assert not (host / "app.json").exists()
    deploy.deploy(host, deploy.Release(archive, lab.version, restored, STANDBY))
    assert (unpacked / ".complete").exists()
    assert json.loads((host / "app.json").read_text())["db"] == str(restored)
    assert len(_executions(host)) == 2


def test_deploying_needs_all_its_facts(tmp_path):
    done = _deploy(tmp_path, "--version", "1.0")
    assert done.returncode == 1
    assert "missing --release, --db, --region" in done.stderr
