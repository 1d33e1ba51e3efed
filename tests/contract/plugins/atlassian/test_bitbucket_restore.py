"""bitbucket.restore against real git over real HTTP, and a fake of the REST interface."""

import json
import os
import subprocess
from dataclasses import replace

import pytest
from support.bitbucket import TOKEN, WORKSPACE, serve_bitbucket
from support.bitbucket_stage import Stage
from support.git_server import git
from support.plugins import plugin
from support.vendor_server import dropped, half

from runbook_engine.sdk import ActionFailedError, Mode

RESTORE = plugin("atlassian")["bitbucket_restore"].BitbucketRestore()
STANDBY = "standby"


class RestoreStage(Stage):
    """A backup of three repositories, and an empty workspace."""

    def wish(self, **more):
        facts = {"workspace": STANDBY, "folder": str(self.folder), "work": str(self.home / "work"), "create": True}
        return RESTORE.Params(**self.bitbucket.params(**{**facts, **more}))

    def look(self, mode=Mode.LIVE, **more):
        context = self.context("b" * 64)
        context = replace(context, run=context.run.model_copy(update={"mode": mode}))
        return RESTORE.check(self.wish(**more), context.reading(RESTORE, self.wish(**more)))

    def restore(self, token="e" * 64, **more):
        context = self.context(token)
        try:
            return RESTORE.apply(self.wish(**more), context)
        finally:
            context.connection.close()

    def equal(self, slug):
        return self.git.refs(f"{STANDBY}/{slug}") == self.git.refs(f"{WORKSPACE}/{slug}")


@pytest.fixture
def stage(tmp_path):
    with serve_bitbucket(tmp_path / "served") as bitbucket:
        stage = RestoreStage(bitbucket, tmp_path)
        for slug in ("shop", "reviews"):
            stage.fake.add(slug)
        stage.fake.add("new", empty=True)
        for number in range(5):
            stage.git.commit(f"{WORKSPACE}/shop", {"b": f"{number}\n"}, branch=f"feature/{number}")
        git(stage.git.path(f"{WORKSPACE}/shop"), "tag", "-a", "v1", "-m", "one", "main")
        stage.run()
        yield stage


def test_everything_is_restored_into_an_empty_workspace(stage):
    before = stage.look()
    assert not before.satisfied
    assert [change.what for change in before.changes] == ["new", "reviews", "shop"]
    applied = stage.restore()
    assert applied.outputs["created"] == ["new", "reviews", "shop"]
    assert all(stage.equal(slug) for slug in ("new", "reviews", "shop"))
    after = stage.look()
    assert after.satisfied
    assert after.recovery_point.isoformat() == stage.manifest["recovery_point"]
    assert not list((stage.home / "work").glob("*.git"))


def test_a_second_run_pushes_nothing(stage):
    stage.restore()
    stage.git.seen.clear()
    stage.restore("f" * 64)
    assert {method for method, _, _ in stage.git.seen} == {"GET"}


def test_new_ones_are_private_and_in_the_project_that_was_named(stage):
    stage.restore(repositories=["shop"], project="DR")
    sent = [seen for seen in stage.bitbucket.rest.seen if seen.method == "POST"]
    assert [seen.path for seen in sent] == [f"/2.0/repositories/{STANDBY}/shop"]
    body = json.loads(sent[0].body)
    assert (body["is_private"], body["project"], body["description"]) == (
        True,
        {"type": "project", "key": "DR"},
        "About shop",
    )


def test_without_leave_nothing_is_made(stage):
    with pytest.raises(ActionFailedError, match="3 of 3 repositories can't be restored: new: there is no repository"):
        stage.look(create=False)


def test_the_main_branch_is_pushed_first(stage):
    """Bitbucket makes the first branch that comes its main one."""
    stage.restore(repositories=["shop"])
    reflog = [path for method, path, _ in stage.git.seen if method == "POST" and "receive-pack" in path]
    assert len(reflog) == 2


def test_one_that_holds_something_else_is_refused_and_left_alone(stage):
    stage.fake.add("shop", workspace=STANDBY)
    stage.git.commit(f"{STANDBY}/shop", {"other": "work\n"}, branch="main")
    refs = stage.git.refs(f"{STANDBY}/shop")
    found = stage.look()
    assert not found.satisfied
    assert found.summary == "2 of 3 are to be restored: new, reviews; 1 can't be: shop"
    with pytest.raises(ActionFailedError, match="shop: it is not empty and holds something else than the backup"):
        stage.look(mode=Mode.DRY_RUN)
    with pytest.raises(ActionFailedError, match="1 of 3 repositories could not be restored: shop: it is not empty"):
        stage.restore()
    assert stage.git.refs(f"{STANDBY}/shop") == refs
    assert stage.equal("reviews")
    with pytest.raises(ActionFailedError, match="1 of 3 repositories can't be restored: shop: it is not empty"):
        stage.look()


def test_what_came_in_between_is_not_overwritten(stage):
    """The job looks for itself: the check may be minutes old."""
    modules = plugin("atlassian")
    stage.fake.add("shop", workspace=STANDBY)
    refs = stage.git.refs(f"{STANDBY}/shop")
    entry = stage.entry("shop")
    job = modules["git_restore"].RestoreJob(
        url=f"{stage.git.url}/{STANDBY}/shop.git", bundle=str(stage.folder / entry["bundle"]), sha256=entry["sha256"],
        refs_sha256=entry["refs_sha256"], head=entry["head"], work=str(stage.home / "work"), identity="a" * 32,
    )  # fmt: skip
    stage.git.commit(f"{STANDBY}/shop", {"other": "work\n"})
    refs = stage.git.refs(f"{STANDBY}/shop")
    facts = {"kind": "restore", "user": stage.git.user, **vars(job)}
    done = subprocess.run(
        modules["git_job"].argv(), env={**os.environ, "RUNBOOK_GIT_JOB": json.dumps(facts), "RUNBOOK_GIT_PASSWORD": TOKEN},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "holds something else" in json.loads(done.stdout)["error"]
    assert stage.git.refs(f"{STANDBY}/shop") == refs


def test_what_an_interrupted_restore_pushed_gets_the_rest(stage):
    stage.fake.add("shop", workspace=STANDBY, empty=True)
    source, target = stage.git.path(f"{WORKSPACE}/shop"), stage.git.path(f"{STANDBY}/shop")
    git(source, "push", "-q", str(target), "main", "feature/3")
    assert not stage.look(repositories=["shop"]).satisfied
    stage.restore(repositories=["shop"])
    assert stage.equal("shop")


def test_a_lost_answer_to_the_making_is_looked_for(stage):
    stage.bitbucket.rest.fault(half(where="^POST"))
    stage.restore(repositories=["shop"])
    assert stage.equal("shop")
    assert len(stage.bitbucket.rest.requests("POST")) == 1


def test_a_making_that_was_lost_is_made_by_the_next_attempt(stage):
    stage.bitbucket.rest.fault(dropped(where="^POST"))
    with pytest.raises(ActionFailedError, match="could not be restored: shop: "):
        stage.restore(repositories=["shop"])
    assert len(stage.bitbucket.rest.requests("POST")) == 1
    stage.restore("f" * 64, repositories=["shop"])
    assert stage.equal("shop")


@pytest.mark.parametrize("damage", ["gone", "a byte"])
def test_a_damaged_bundle_is_not_restored(stage, damage):
    bundle = stage.folder / stage.entry("shop")["bundle"]
    content = bytearray(bundle.read_bytes())
    bundle.unlink()
    if damage == "a byte":
        content[-1] ^= 1
        bundle.write_bytes(content)
    assert stage.look().summary.endswith("1 can't be: shop")
    with pytest.raises(ActionFailedError, match="could not be restored: shop: "):
        stage.restore()
    assert (STANDBY, "shop") not in stage.fake.repositories
    assert stage.equal("reviews")
    with pytest.raises(
        ActionFailedError, match=r"1 of 3 repositories can't be restored: shop: .* is missing or damaged"
    ):
        stage.look()


def test_one_that_was_removed_is_restored_when_it_is_named(stage):
    refs = stage.git.refs(f"{WORKSPACE}/shop")
    stage.fake.remove("shop")
    stage.run("c" * 64)
    assert [change.what for change in stage.look().changes] == ["new", "reviews"]
    stage.restore(repositories=["shop"])
    assert stage.git.refs(f"{STANDBY}/shop") == refs


def test_a_backup_that_lists_nothing_restores_nothing(stage):
    for slug in ("shop", "reviews", "new"):
        stage.fake.remove(slug)
    stage.apply("c" * 64, may_vanish=1)
    for attempt in (stage.look, stage.restore):
        with pytest.raises(ActionFailedError, match="it keeps 3 removed ones: new, reviews, shop"):
            attempt()
    stage.restore(repositories=["shop"])
    assert (STANDBY, "shop") in stage.fake.repositories


def test_names_that_the_backup_lacks_are_told(stage):
    with pytest.raises(ActionFailedError, match="the backup has no repository nope") as told:
        stage.look(repositories=["nope"])
    assert "new, reviews, shop" in told.value.hint


@pytest.mark.parametrize(
    "change",
    [{"name": "../x"}, {"uuid": "../../x"}, {"bundle": "/etc/passwd"}, {"bundle": "bundles/../../x"}, {"refs": None}],
)
def test_a_manifest_that_somebody_changed_leads_nowhere(stage, change):
    manifest = stage.manifest
    manifest["repositories"][0] |= change
    (stage.folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ActionFailedError, match=r"is not as bitbucket\.mirror writes it"):
        stage.look()


def test_no_backup_is_told(stage, tmp_path):
    with pytest.raises(ActionFailedError, match="there is no backup"):
        stage.look(folder=str(tmp_path / "none"))


def test_token_is_nowhere(stage):
    stage.restore()
    found = subprocess.run(
        ["grep", "-rlaF", TOKEN, str(stage.folder), str(stage.home)], capture_output=True, text=True, check=False
    )
    assert found.stdout == ""
