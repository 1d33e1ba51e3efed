"""bitbucket.mirror against real git over real HTTP, and a fake of the REST interface."""

import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest
from support.bitbucket import TOKEN, WORKSPACE, serve_bitbucket
from support.bitbucket_stage import ACTION, Stage
from support.git_server import git, serve_git

from runbook_engine.connections.local import LocalConnection
from runbook_engine.sdk import ActionFailedError, ReadOnlyError


@pytest.fixture
def stage(tmp_path):
    with serve_bitbucket(tmp_path / "served") as bitbucket:
        yield Stage(bitbucket, tmp_path)


@pytest.fixture
def three(stage):
    for slug in ("shop", "reviews", "billing"):
        stage.fake.add(slug)
    stage.git.commit(f"{WORKSPACE}/shop", {"b": "branch\n"}, branch="feature/x")
    git(stage.git.path(f"{WORKSPACE}/shop"), "tag", "-a", "v1", "-m", "one", "main")
    return stage


def test_everything_is_mirrored_and_each_bundle_restores_alone(three, tmp_path):
    before = three.check()
    assert not before.satisfied
    assert "backup: holds no backup yet; " in before.summary
    assert "shop: is not in the backup yet" in before.summary
    applied = three.run()
    assert applied.changed
    for slug in ("shop", "reviews", "billing"):
        assert three.restored(slug, tmp_path) == three.git.refs(f"{WORKSPACE}/{slug}")
    assert three.manifest["counts"] == {"repositories": 3, "references": 5, "removed": 0}
    assert three.manifest["missing"] == []


def test_nothing_new_is_nothing_to_do(three):
    three.run()
    finding = three.check()
    assert finding.satisfied
    assert finding.outputs["repositories"] == 3
    assert finding.recovery_point.isoformat(timespec="seconds") == three.manifest["recovery_point"]


def test_a_check_asks_by_reads_and_writes_nothing(three):
    three.run()
    before = sorted(path.stat().st_mtime_ns for path in three.folder.rglob("*"))
    three.bitbucket.rest.seen.clear()
    three.git.seen.clear()
    three.check()
    assert {seen.method for seen in three.bitbucket.rest.seen} | {seen[0] for seen in three.git.seen} == {"GET"}
    assert sorted(path.stat().st_mtime_ns for path in three.folder.rglob("*")) == before


def test_only_what_changed_is_done_again(three, tmp_path):
    three.run()
    kept = three.entry("reviews")["bundle"]
    three.git.commit(f"{WORKSPACE}/shop", {"c": "new\n"})
    assert "shop: has something new" in three.check().summary
    three.git.seen.clear()
    applied = three.run("c" * 64)
    assert applied.outputs["changed"] == ["shop"]
    assert [path for method, path, _ in three.git.seen if method == "POST"] == [
        f"/{WORKSPACE}/shop.git/git-upload-pack"
    ] * 2
    assert three.entry("reviews")["bundle"] == kept
    assert three.restored("shop", tmp_path) == three.git.refs(f"{WORKSPACE}/shop")
    assert len(list((three.folder / "bundles").iterdir())) == 3


def test_a_manifest_that_grew_old_is_renewed_and_that_is_no_change(three):
    three.run()
    three.clock.jump(4000)
    assert "the manifest: is" in three.check().summary
    applied = three.run("c" * 64)
    assert not applied.changed
    assert datetime.fromisoformat(three.manifest["recovery_point"]) >= three.clock.now().replace(microsecond=0)


def test_what_was_pushed_meanwhile_is_not_held_against_the_attempt(three):
    three.apply()
    three.git.commit(f"{WORKSPACE}/shop", {"c": "new\n"})
    assert three.check("a" * 64).satisfied
    assert not three.check("b" * 64).satisfied


def test_token_is_nowhere_but_in_the_answers_to_git(three, tmp_path):
    three.run()
    found = subprocess.run(
        ["grep", "-rlaF", TOKEN, str(three.folder), str(three.home)], capture_output=True, text=True, check=False
    )
    assert found.stdout == ""
    assert all(TOKEN not in path for _, path, _ in three.git.seen)


def test_credential_helpers_of_the_user_learn_nothing(three, monkeypatch, tmp_path):
    stored = tmp_path / "stored"
    config = tmp_path / "gitconfig"
    config.write_text(f"[credential]\n\thelper = store --file={stored}\n[core]\n\thooksPath = {tmp_path}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_TRACE_CURL", str(tmp_path / "trace"))
    three.run()
    assert not stored.exists()
    assert not (tmp_path / "trace").exists()


def test_another_server_never_gets_the_token(three, tmp_path):
    """The clone links lead away, and so does a redirect: neither is followed."""
    with serve_git(tmp_path / "evil") as evil:
        three.git.fault(rf"/{WORKSPACE}/shop.git/git-upload-pack", location=evil.url)
        with pytest.raises(ActionFailedError, match="1 of 3 repositories could not be backed up: shop: git fetch"):
            three.apply()
        assert evil.seen == []
    assert three.manifest["missing"][0]["what"] == "shop"


def test_one_that_fails_leaves_the_others_done_and_is_told(three, tmp_path):
    three.git.fault(rf"/{WORKSPACE}/shop.git/", status=403)
    with pytest.raises(ActionFailedError, match="1 of 3 repositories could not be backed up: shop: ") as told:
        three.apply()
    assert list(told.value.outputs["failed"]) == ["shop"]
    assert three.restored("billing", tmp_path) == three.git.refs(f"{WORKSPACE}/billing")
    assert three.manifest["recovery_point"] is None  # one was never backed up
    assert "shop" in three.check("a" * 64).summary
    three.git.faults.clear()
    three.run("c" * 64)
    assert three.manifest["recovery_point"] is not None


def test_one_that_fails_later_keeps_its_bundle_and_the_older_recovery_point(three, tmp_path):
    three.run()
    point = three.manifest["recovery_point"]
    three.clock.jump(7200)
    three.git.fault(rf"/{WORKSPACE}/shop.git/", status=404)
    with pytest.raises(ActionFailedError, match="shop: "):
        three.apply("c" * 64)
    assert three.manifest["recovery_point"] == point
    assert three.restored("shop", tmp_path) == three.git.refs(f"{WORKSPACE}/shop")


def test_a_transfer_that_breaks_off_leaves_nothing_half_done(three, tmp_path):
    three.git.fault(rf"/{WORKSPACE}/shop.git/git-upload-pack", cut=60, times=4)
    with pytest.raises(ActionFailedError, match="shop: "):
        three.apply()
    three.git.faults.clear()
    three.run("c" * 64)
    assert three.restored("shop", tmp_path) == three.git.refs(f"{WORKSPACE}/shop")
    assert not list((three.folder / "mirrors").glob("*.fresh.git"))


def test_deleted_and_rewritten_branches_stay_in_the_mirror(three, tmp_path):
    three.run()
    path = three.git.path(f"{WORKSPACE}/shop")
    old = three.git.refs(f"{WORKSPACE}/shop")
    git(path, "update-ref", "-d", "refs/heads/feature/x")
    three.git.commit(f"{WORKSPACE}/shop", {"z": "wiped\n"}, parent=False)
    three.run("c" * 64)
    kept = git(
        three.mirror("shop"), "for-each-ref", "--format=%(refname) %(objectname)", "refs/runbook-kept/"
    ).splitlines()
    found = {line.split()[0].split("/", 3)[3]: line.split()[1] for line in kept}
    assert found == {"heads/feature/x": old["refs/heads/feature/x"], "heads/main": old["refs/heads/main"]}
    assert three.restored("shop", tmp_path) == three.git.refs(f"{WORKSPACE}/shop")
    three.git.commit(f"{WORKSPACE}/shop", {"z": "once more\n"})
    three.run("d" * 64)
    assert len(git(three.mirror("shop"), "for-each-ref", "refs/runbook-kept/").splitlines()) == 2


def test_removed_ones_are_kept_and_told(three, tmp_path):
    three.run()
    refs = three.git.refs(f"{WORKSPACE}/shop")
    three.fake.remove("shop")
    assert "shop: is no longer in the workspace" in three.check().summary
    assert three.run("c" * 64).changed
    finding = three.check()
    assert finding.satisfied
    assert finding.outputs["removed"] == finding.outputs["gone"] == ["shop"]
    assert finding.outputs["repositories"] == three.manifest["counts"]["repositories"] == 2
    three.fake.remove("reviews")
    three.run("d" * 64)
    assert three.check().outputs["gone"] == ["reviews"]
    assert three.restored("shop", tmp_path) == refs


def test_removed_ones_outlive_the_manifest(three, tmp_path):
    three.run()
    refs = three.git.refs(f"{WORKSPACE}/shop")
    three.fake.remove("shop")
    (three.folder / "manifest.json").unlink()
    three.run("c" * 64)
    assert three.entry("shop")["removed"]
    assert three.restored("shop", tmp_path) == refs


def test_renamed_ones_keep_their_mirror(three, tmp_path):
    three.run()
    uuid = three.entry("shop")["uuid"]
    three.fake.rename("shop", "store")
    assert "store: was shop" in three.check().summary
    three.run("c" * 64)
    assert three.entry("store")["uuid"] == uuid
    assert three.check().outputs["removed"] == []
    assert three.restored("store", tmp_path) == three.git.refs(f"{WORKSPACE}/store")
    assert not list((three.folder / "bundles").glob("shop.*"))


def test_empty_ones_are_in_the_backup_without_a_bundle(stage, tmp_path):
    stage.fake.add("new", empty=True)
    stage.run()
    assert (stage.entry("new")["references"], stage.entry("new")["bundle"]) == (0, "")
    assert stage.check().satisfied
    stage.git.commit(f"{WORKSPACE}/new", {"a": "first\n"})
    stage.run("c" * 64)
    assert stage.restored("new", tmp_path) == stage.git.refs(f"{WORKSPACE}/new")


def test_a_workspace_without_repositories_is_no_backup_unless_that_is_said(stage):
    for attempt in (stage.check, stage.apply):
        with pytest.raises(ActionFailedError, match="the service lists 0 repositories: nothing was changed") as told:
            attempt()
        assert "may_vanish: 1" in told.value.hint
    assert not stage.folder.exists()
    stage.apply(may_vanish=1)
    found = stage.check(may_vanish=1)
    assert found.satisfied
    assert found.outputs["repositories"] == 0
    assert found.recovery_point is not None


@pytest.mark.parametrize("gone", [("shop", "reviews"), ("shop", "reviews", "billing")], ids=["most", "all"])
def test_a_listing_that_collapsed_is_no_proof_that_they_were_removed(three, gone):
    """A token that lost a right sees an empty workspace, and gets no error."""
    three.run()
    before = three.manifest
    for slug in gone:
        three.fake.remove(slug)
    words = (
        f"the service lists {3 - len(gone)} repositories; {len(gone)} of the 3 repositories of the last backup are gone"
    )
    for attempt in (three.check, three.apply):
        with pytest.raises(ActionFailedError, match=words):
            attempt("c" * 64)
    assert three.manifest == before
    three.apply("d" * 64, may_vanish=1)
    assert three.manifest["counts"]["repositories"] == 3 - len(gone)
    assert three.manifest["counts"]["removed"] == len(gone)


def test_a_listing_that_collapsed_is_seen_by_the_mirrors_when_the_manifest_was_lost(three):
    three.run()
    (three.folder / "manifest.json").unlink()
    for slug in ("shop", "reviews"):
        three.fake.remove(slug)
    with pytest.raises(ActionFailedError, match="2 of the 3 repositories of the last backup are gone"):
        three.apply("c" * 64)
    assert not (three.folder / "manifest.json").exists()


@pytest.mark.parametrize(
    "slug", ["../../escape", "..", "-rf", "a/b", "x" * 200, "a\x1b[31m", "a b", "", "é"], ids=range(9)
)
def test_hostile_names_lead_nowhere_and_leave_the_others_done(stage, slug, tmp_path):
    stage.fake.add("good")
    stage.fake.add(slug, full_name=f"{WORKSPACE}/{slug}")
    with pytest.raises(ActionFailedError, match="1 of 2 repositories could not be backed up") as told:
        stage.apply()
    assert "\x1b" not in told.value.message
    assert stage.restored("good", tmp_path) == stage.git.refs(f"{WORKSPACE}/good")
    assert {path.name for path in tmp_path.iterdir()} == {"backup", "home", "served", "restored-good"}
    assert sorted(path.name for path in stage.folder.iterdir()) == ["bundles", "manifest.json", "mirrors"]


@pytest.mark.parametrize("uuid", ["../../x", "{../}", "", None, "{zzzzzzzz-0000-0000-0000-000000000000}"])
def test_hostile_uuids_lead_nowhere(stage, uuid):
    stage.fake.add("bad", uuid=uuid if uuid is not None else 7)
    stage.bitbucket.rest.document = None  # the vendor's document would refuse some of them, too
    with pytest.raises(ActionFailedError, match="bad: the service gave no UUID for it"):
        stage.apply()


def test_references_with_a_mirrors_own_names_are_no_part_of_it(stage):
    stage.fake.add("pushed")
    path = stage.git.path(f"{WORKSPACE}/pushed")
    git(path, "update-ref", "refs/runbook-kept/20260101T000000Z/heads/x", "refs/heads/main")
    stage.run()
    assert stage.check().satisfied
    assert stage.entry("pushed")["references"] == 1


def test_one_that_can_not_be_read_is_told_by_the_first_check(three):
    three.git.fault(rf"/{WORKSPACE}/shop.git/", status=403)
    assert "shop: GET " in three.check().summary


def test_an_attempt_that_goes_on_much_later_asks_again(three, tmp_path):
    three.run()
    three.git.commit(f"{WORKSPACE}/shop", {"c": "new\n"})
    three.clock.jump(7200)
    three.run("a" * 64)
    assert three.restored("shop", tmp_path) == three.git.refs(f"{WORKSPACE}/shop")


def test_what_old_tools_wrote_wrongly_is_backed_up_and_noted(stage, tmp_path):
    """Histories hold objects that git would not write today; that they are malformed is no damage of the backup."""
    stage.fake.add("old")
    path = stage.git.path(f"{WORKSPACE}/old")
    tree = git(path, "rev-parse", "main^{tree}")
    commit = f"tree {tree}\nauthor Ada <ada@example.com 1 +0000\ncommitter Ada <> 01 +0000\n\nold\n"
    made = git(path, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", given=commit)
    blob = git(path, "rev-parse", "main:README")
    doubled = git(
        path,
        "hash-object",
        "-t",
        "tag",
        "-w",
        "--literally",
        "--stdin",
        given=f"object {blob}\ntype blob\ntag x\n\nno tagger\n",
    )
    for name, oid in (("heads/old", made), ("tags/blob", blob), ("tags/odd", doubled)):
        git(path, "update-ref", f"refs/{name}", oid)
    stage.run()
    assert any("git fsck notes: error in commit" in note for note in stage.entry("old")["notes"])
    assert stage.restored("old", tmp_path) == stage.git.refs(f"{WORKSPACE}/old")
    stage.git.commit(f"{WORKSPACE}/old", {"a": "new\n"})
    stage.run("c" * 64)
    assert not any("damaged" in note for note in stage.entry("old")["notes"])


def test_a_branch_may_become_a_folder_of_branches_and_back(stage, tmp_path):
    stage.fake.add("shop")
    path = stage.git.path(f"{WORKSPACE}/shop")
    for number, (new, old) in enumerate((("a", None), ("a/b", "a"), ("a", "a/b"))):
        if old is not None:
            git(path, "update-ref", "-d", f"refs/heads/{old}")
        stage.git.commit(f"{WORKSPACE}/shop", {"n": f"{number}\n"}, branch=new)
        stage.run(f"{number}" * 64)
    assert stage.restored("shop", tmp_path) == stage.git.refs(f"{WORKSPACE}/shop")


def test_git_lfs_is_noted(stage):
    stage.fake.add("media")
    stage.git.commit(f"{WORKSPACE}/media", {"sub/.gitattributes": "*.bin filter=lfs diff=lfs -text\n", "a": "1"})
    stage.git.commit(f"{WORKSPACE}/media", {"a": "2"})
    stage.run()
    assert stage.check().outputs["lfs"] == ["media"]
    assert "1 with Git LFS" in stage.check().summary


def test_a_reference_whose_name_is_no_utf8_is_backed_up(stage):
    stage.fake.add("old")
    path = stage.git.path(f"{WORKSPACE}/old")
    with (path / "packed-refs").open("ab") as file:
        file.write(stage.git.refs(f"{WORKSPACE}/old")["refs/heads/main"].encode() + b" refs/heads/caf\xe9\n")
    stage.run()
    assert stage.entry("old")["references"] == 2
    assert stage.check().satisfied
    stage.fake.add("other")
    stage.run("c" * 64)


def damage_object(mirror):
    for pack in mirror.glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        content = bytearray(pack.read_bytes())
        content[len(content) // 2] ^= 0xFF
        pack.write_bytes(content)


def lock(mirror):
    (mirror / "packed-refs.lock").touch()
    (mirror / "refs/heads/main.lock").touch()
    (mirror / "HEAD.lock").touch()


DAMAGES = {
    "a changed byte": damage_object,
    "locks that a killed git left": lock,
    "no configuration": lambda mirror: (mirror / "config").unlink(),
    "an empty configuration": lambda mirror: (mirror / "config").write_text(""),
    "a command in the configuration": lambda mirror: (mirror / "config").write_text("[core]\n\tfsmonitor = touch /x\n[broken"),
    "no HEAD": lambda mirror: (mirror / "HEAD").unlink(),
    "an empty reference": lambda mirror: (mirror / "refs/heads/main").write_text(""),
    "no objects": lambda mirror: [path.unlink() for path in mirror.glob("objects/pack/*")],
    "half a pack": lambda mirror: [path.write_bytes(path.read_bytes()[:40]) for path in mirror.glob("objects/pack/*.pack") if not path.chmod(0o600)],
    "nothing": lambda mirror: subprocess.run(["rm", "-rf", mirror], check=True),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_mirror_is_repaired(stage, damage, tmp_path):
    stage.fake.add("shop")
    stage.run()
    DAMAGES[damage](stage.mirror("shop"))
    stage.git.commit(f"{WORKSPACE}/shop", {"c": "new\n"})
    stage.run("c" * 64)
    assert stage.restored("shop", tmp_path) == stage.git.refs(f"{WORKSPACE}/shop")
    git(stage.mirror("shop"), "fsck", "--strict")


@pytest.mark.parametrize("damage", ["gone", "shorter", "other"])
def test_a_damaged_bundle_is_made_anew(three, damage, tmp_path):
    three.run()
    bundle = three.folder / three.entry("shop")["bundle"]
    content = bundle.read_bytes()
    bundle.unlink()
    if damage != "gone":
        bundle.write_bytes(content[:-9] if damage == "shorter" else content[:-1] + bytes([content[-1] ^ 1]))
    finding = three.check()
    assert not finding.satisfied
    assert bundle.name in finding.summary
    three.run("c" * 64)
    assert three.restored("shop", tmp_path) == three.git.refs(f"{WORKSPACE}/shop")


class Listening(LocalConnection):
    """Tells when somebody begins to listen to a job."""

    def __init__(self, home):
        super().__init__(home)
        self.began = threading.Event()

    def run_detached(self, command, **how):
        self.began.set()
        return super().run_detached(command, **how)


def test_an_attempt_that_is_made_again_listens_to_its_job(stage):
    """As after a kill: the job of the first one is still at work, and no second one is started."""
    stage.fake.add("shop")
    where = f"/{WORKSPACE}/shop.git/git-upload-pack"
    hold = threading.Event()
    stage.git.fault(where, hold=hold, times=1)
    first, second = (replace(stage.context(), connection=Listening(stage.home)) for _ in range(2))
    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(ACTION.apply, stage.params(), first)]
        assert stage.git.holding.wait(30)
        made.append(pool.submit(ACTION.apply, stage.params(), second))
        assert second.connection.began.wait(30)
        hold.set()
        assert all(future.result().outputs["changed"] == ["shop"] for future in made)
    first.connection.close()
    second.connection.close()
    assert len([path for _, path, _ in stage.git.seen if path == where]) == 2  # what there is, and the pack


def test_a_folder_of_something_else_is_not_touched(three):
    three.folder.mkdir()
    (three.folder / "manifest.json").write_text('{"name": "my app"}')
    with pytest.raises(ActionFailedError, match="is not the manifest of a backup"):
        three.apply()
    assert [path.name for path in three.folder.iterdir()] == ["manifest.json"]


def test_the_backup_of_another_workspace_is_not_touched(three):
    three.run()
    with pytest.raises(ActionFailedError, match="the folder holds the backup of"):
        three.apply(workspace="other")


def test_a_refused_token_is_told_as_such(three):
    three.bitbucket.rest.document = None  # it does not name 401 here
    with pytest.raises(ActionFailedError, match="status 401"):
        ACTION.check(three.params(token="wrong"), three.context())


def test_another_machine_is_refused(three):
    context = three.context()
    context.target = context.target.model_copy(update={"name": "web1"})
    with pytest.raises(ActionFailedError, match="web1 is another"):
        ACTION.check(three.params(), context)


def test_what_the_check_has_no_hands_for(three):
    """The check's connection refuses commands: it does not need any."""
    params = three.params()
    with pytest.raises(ReadOnlyError):
        ACTION.apply(params, three.context().reading(ACTION, params))
