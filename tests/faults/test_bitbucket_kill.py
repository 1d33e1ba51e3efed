"""The engine killed while repositories are mirrored or restored, alone or with everything that works for it."""

import os
import signal
import threading

import pytest
from support.bitbucket import WORKSPACE, serve_bitbucket
from support.git_server import git
from support.source_project import STANDBY, SourceProject

SLUGS = ("billing", "reviews", "shop")


@pytest.fixture
def project(runbook, tmp_path):
    with serve_bitbucket(tmp_path / "served") as bitbucket:
        for slug in SLUGS:
            bitbucket.fake.add(slug)
        yield SourceProject(runbook, bitbucket, tmp_path)


def kill_while_held(project, where, *words, everything):
    """Kill the engine while git waits for an answer; then let the answer come."""
    server, hold = project.bitbucket.git, threading.Event()
    server.fault(where, hold=hold, times=1)
    engine = project.start(*words, "--yes")
    assert server.holding.wait(60)
    os.kill(engine.pid, signal.SIGKILL)
    engine.communicate(timeout=60)
    if everything:
        project.kill_jobs()
    hold.set()


@pytest.mark.parametrize("everything", [False, True], ids=["its jobs live on", "its jobs die too"])
def test_a_killed_backup_goes_on(project, everything):
    where = f"/{WORKSPACE}/shop.git/git-upload-pack"
    kill_while_held(project, where, "backup-source-code", everything=everything)
    project.resume()
    assert project.outcomes()["verify"] == "unchanged"
    for slug in SLUGS:
        bundle = next((project.backup / "bundles").glob(f"{slug}.*"))
        heads = git(project.backup, "bundle", "list-heads", str(bundle)).splitlines()
        found = {name: oid for oid, name in (line.split() for line in heads) if name != "HEAD"}
        assert found == project.bitbucket.git.refs(f"{WORKSPACE}/{slug}")
    assert project.jobs() == []


@pytest.mark.parametrize("everything", [False, True], ids=["its jobs live on", "its jobs die too"])
def test_a_killed_restore_goes_on(project, everything):
    project.run("backup-source-code", "--yes")
    words = ("restore-source-code", "-e", "report=when-failed")
    kill_while_held(project, f"/{STANDBY}/shop.git/git-receive-pack", *words, everything=everything)
    project.resume()
    for slug in SLUGS:
        assert project.bitbucket.git.refs(f"{STANDBY}/{slug}") == project.bitbucket.git.refs(f"{WORKSPACE}/{slug}")
    assert project.jobs() == []
    assert len(project.bitbucket.rest.requests("POST")) == 3


def test_an_aborted_backup_ends_its_jobs_and_is_not_in_doubt(project):
    server, hold = project.bitbucket.git, threading.Event()
    server.fault(f"/{WORKSPACE}/shop.git/git-upload-pack", hold=hold, times=1)
    engine = project.start("backup-source-code", "--yes")
    assert server.holding.wait(60)
    said = project.call("abort", "last", "--cancel", "--reason", "enough", **project.secrets)
    assert said.status == 0, said.err
    engine.communicate(timeout=60)
    assert engine.returncode != 0
    assert project.outcomes()["mirror"] == "failed"
    report = project.call("report", "last").out
    assert "was cancelled by the operator, and was ended" in report
    assert "In doubt" not in report
    assert project.jobs() == []
    hold.set()
    project.run("backup-source-code", "--yes")
