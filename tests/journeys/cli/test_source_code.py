"""backup-source-code and restore-source-code from end to end: dry, for real, again, and into an empty workspace."""

import json
import socket
import subprocess

import pytest
from aiosmtpd.controller import Controller
from support.bitbucket import TOKEN, WORKSPACE, serve_bitbucket
from support.git_server import git
from support.source_project import STANDBY, SourceProject

SLUGS = ("shop", "reviews", "empty")


@pytest.fixture
def project(runbook, tmp_path):
    with serve_bitbucket(tmp_path / "served") as bitbucket:
        for slug in SLUGS:
            bitbucket.fake.add(slug, empty=slug == "empty")
        for number in range(3):
            bitbucket.git.commit(f"{WORKSPACE}/shop", {"a": f"{number}\n"}, branch=f"feature/{number}")
        git(bitbucket.git.path(f"{WORKSPACE}/shop"), "tag", "-a", "v1", "-m", "one", "main")
        yield SourceProject(runbook, bitbucket, tmp_path)


def writes(project):
    posts = [seen.path for seen in project.bitbucket.rest.seen if seen.method != "GET"]
    return posts + [path for method, path, _ in project.bitbucket.git.seen if "receive-pack" in path]


def test_backed_up_and_restored_into_an_empty_workspace(project):
    dry = project.run("backup-source-code", "--dry-run")
    assert "would-change" in dry.out + dry.err
    assert not project.backup.exists()

    project.run("backup-source-code", "--yes")
    assert project.outcomes() == {"mirror": "changed", "verify": "unchanged", "copy": "skipped", "tell-team": "skipped"}
    project.run("backup-source-code", "--yes")
    assert project.outcomes() == {
        "mirror": "unchanged",
        "verify": "unchanged",
        "copy": "skipped",
        "tell-team": "skipped",
    }
    assert writes(project) == []

    words = ("restore-source-code", "-e", "report=when-failed")
    dry = project.run(*words, "--dry-run")
    assert "would-change" in dry.out + dry.err
    assert writes(project) == []
    project.run(*words, "--yes")
    assert project.outcomes() == {"verify": "unchanged", "restore": "changed", "tell-team": "skipped"}
    for slug in SLUGS:
        assert project.bitbucket.git.refs(f"{STANDBY}/{slug}") == project.bitbucket.git.refs(f"{WORKSPACE}/{slug}")
        git(project.bitbucket.git.path(f"{STANDBY}/{slug}"), "fsck", "--strict")
    before = len(writes(project))
    project.run(*words, "--yes")
    assert project.outcomes()["restore"] == "unchanged"
    assert len(writes(project)) == before

    report = project.call("report", "last", "--format", "json").json
    manifest = json.loads((project.backup / "manifest.json").read_text())
    assert [point["point"][:19] for point in report["recovery_points"]][-1] == manifest["recovery_point"][:19]
    left = subprocess.run(
        ["grep", "-rlaF", TOKEN, project.root, project.home, project.backup],
        capture_output=True,
        text=True,
        check=False,
    )
    assert left.stdout == ""


class Mails:
    """Keeps what it is given."""

    def __init__(self):
        self.kept = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.kept.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 taken"


@pytest.fixture
def mails():
    mails = Mails()
    with socket.create_server(("127.0.0.1", 0)) as free:
        mails.port = free.getsockname()[1]
    controller = Controller(mails, hostname="127.0.0.1", port=mails.port)
    controller.start()
    yield mails
    controller.stop()


def test_one_that_fails_fails_the_run_is_told_and_what_is_there_is_judged(project, mails):
    project.write_settings(smtp=f"{{host: 127.0.0.1, port: {mails.port}, tls: none}}")
    project.bitbucket.git.fault(rf"/{WORKSPACE}/shop.git/", status=403)
    project.call.write("runbooks/backup-source-code.yml", _without_waits(project, "backup-source-code"))
    done = project.run("backup-source-code", "--yes", status=1)
    assert "1 of 3 repositories could not be backed up: shop: " in done.out + done.err
    assert "shop is missing or not up to date" in done.out + done.err
    outcomes = project.outcomes()
    assert (outcomes["mirror"], outcomes["verify"], outcomes["copy"]) == ("failed", "failed", "blocked")
    assert (project.backup / "manifest.json").is_file()
    told = {address: content for addresses, content in mails.kept for address in addresses}
    assert sorted(told) == ["dana@example.com", "eli@example.com", "sam@example.com"]
    assert "Source code backup of example: NOT proven" in told["eli@example.com"]
    assert TOKEN not in "".join(told.values())


def test_a_bundle_that_somebody_damaged_is_not_restored_and_the_others_are(project):
    project.run("backup-source-code", "--yes")
    bundle = next((project.backup / "bundles").glob("shop.*"))
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"x")
    project.call.write("runbooks/restore-source-code.yml", _without_waits(project, "restore-source-code"))
    done = project.run("restore-source-code", "-e", "report=when-failed", "--yes", status=1)
    assert "is damaged: its SHA-256 is not the manifest's" in done.out + done.err
    assert "1 of 3 repositories" in done.out + done.err
    assert (STANDBY, "shop") not in project.bitbucket.fake.repositories
    assert project.bitbucket.git.refs(f"{STANDBY}/reviews") == project.bitbucket.git.refs(f"{WORKSPACE}/reviews")
    assert (STANDBY, "empty") in project.bitbucket.fake.repositories
    project.run("backup-source-code", "--yes")
    assert project.outcomes()["mirror"] == "changed"
    project.run("restore-source-code", "-e", "report=when-failed", "--yes")


def test_a_backup_that_says_something_is_missing_is_restored_only_when_that_is_said(project):
    project.run("backup-source-code", "--yes")
    path = project.backup / "manifest.json"
    lacking = {"missing": [{"what": "shop", "why": "it was away"}]}
    path.write_text(json.dumps({**json.loads(path.read_text()), **lacking}))
    project.call.write("runbooks/restore-source-code.yml", _without_waits(project, "restore-source-code"))
    done = project.run("restore-source-code", "-e", "report=when-failed", "--yes", status=1)
    assert "by the backup's own words shop is missing or not up to date" in done.out + done.err
    assert (project.outcomes()["verify"], project.outcomes()["restore"]) == ("failed", "failed")
    assert writes(project) == []
    project.run("restore-source-code", "-e", "report=when-failed", "-e", "incomplete=true", "--yes")
    assert project.outcomes()["restore"] == "changed"


def test_a_workspace_that_shows_nothing_fails_the_backup_and_the_restore_has_all(project, mails):
    project.run("backup-source-code", "--yes")
    project.write_settings(smtp=f"{{host: 127.0.0.1, port: {mails.port}, tls: none}}")
    project.call.write("runbooks/backup-source-code.yml", _without_waits(project, "backup-source-code"))
    for slug in SLUGS:
        project.bitbucket.fake.remove(slug)
    done = project.run("backup-source-code", "--yes", status=1)
    assert (
        "the service lists 0 repositories; 3 of the 3 repositories of the last backup are gone" in done.out + done.err
    )
    assert "NOT proven" in mails.kept[0][1]
    project.run("backup-source-code", "--dry-run", status=1)
    project.run("restore-source-code", "-e", "report=when-failed", "--yes")
    assert (STANDBY, "reviews") in project.bitbucket.fake.repositories


def _without_waits(project, name):
    return (project.root / "runbooks" / f"{name}.yml").read_text().replace("delay: 30s, backoff: 4", "delay: 0.001s")
