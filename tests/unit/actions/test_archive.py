"""archive.restore with a real shell and a real tar."""

import hashlib
import io
import subprocess
import tarfile

import pytest
from support.here import Here

from runbook_engine.actions.archive import MARKER, ArchiveRestore
from runbook_engine.connections.local import LocalConnection
from runbook_engine.sdk import ActionFailedError
from runbook_engine.testing import FakeContext

ACTION = ArchiveRestore()


class Place:
    """An archive and the folder that it is to be restored into."""

    def __init__(self, root):
        self.root, self.dest = root, root / "app"
        self.archive = root / "app.tar.gz"
        with tarfile.open(self.archive, "w:gz") as tar:
            for name, text, mode in (("app/run.sh", "#!/bin/sh\n", 0o755), ("app/conf/a b", "x\n", 0o600)):
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(text), mode
                tar.addfile(member, io.BytesIO(text.encode()))

    def params(self, **more):
        digest = hashlib.sha256(self.archive.read_bytes()).hexdigest()
        facts = {"archive": str(self.archive), "sha256": digest, "dest": str(self.dest), "strip": 1}
        return ACTION.Params(**{**facts, **more})

    def context(self, token="a" * 64):
        run = FakeContext().run.model_copy(update={"token": token})
        return Here(connection=LocalConnection(self.root / "home"), run=run)

    def check(self, **more):
        params = self.params(**more)
        return ACTION.check(params, self.context().reading(ACTION, params))

    def apply(self, token="a" * 64, **more):
        return ACTION.apply(self.params(**more), self.context(token))

    def names(self):
        return sorted(path.name for path in self.root.iterdir())


@pytest.fixture
def place(tmp_path):
    (tmp_path / "home").mkdir()
    return Place(tmp_path)


def test_a_missing_folder_is_restored_whole(place):
    assert not place.check().satisfied
    place.apply()
    assert place.check().satisfied
    assert (place.dest / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (place.dest / "conf/a b").read_text() == "x\n"
    assert place.names() == ["app", "app.tar.gz", "home"]


def _archive(place, *members):
    with tarfile.open(place.archive, "w:gz") as tar:
        for name, kind, mode in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode = kind, mode
            tar.addfile(member, io.BytesIO())


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_device_nodes_are_refused(place, kind):
    _archive(place, ("app/run.sh", tarfile.REGTYPE, 0o755), ("app/mem", kind, 0o666))
    with pytest.raises(ActionFailedError, match="holds device nodes"):
        place.apply()
    assert place.names() == ["app.tar.gz", "home"]


def test_files_give_nobody_the_rights_of_others(place):
    _archive(
        place,
        ("app/./", tarfile.DIRTYPE, 0o2755),
        ("app/tool", tarfile.REGTYPE, 0o4755),
        ("app/x y", tarfile.REGTYPE, 0o6711),
    )
    place.apply()
    assert (place.dest / "tool").stat().st_mode & 0o7777 == 0o755
    assert (place.dest / "x y").stat().st_mode & 0o7777 == 0o711
    assert place.check().satisfied


def test_an_empty_folder_is_filled(place):
    place.dest.mkdir()
    place.apply()
    assert place.check().satisfied


def test_what_the_app_wrote_since_does_not_count_and_the_archive_may_be_gone(place):
    params = place.params()
    place.apply()
    (place.dest / "data").write_text("new")
    place.archive.unlink()
    assert ACTION.check(params, place.context().reading(ACTION, params)).satisfied


def test_a_folder_with_something_else_is_left_alone(place):
    place.dest.mkdir()
    (place.dest / "data").write_text("precious")
    with pytest.raises(ActionFailedError, match="holds something else"):
        place.check()
    with pytest.raises(ActionFailedError, match="holds something else"):
        place.apply()
    assert (place.dest / "data").read_text() == "precious"
    assert place.names() == ["app", "app.tar.gz", "home"]


def test_a_folder_that_is_replaced_is_kept_beside(place):
    place.dest.mkdir()
    (place.dest / "data").write_text("precious")
    assert not place.check(replace=True).satisfied
    applied = place.apply(replace=True)
    assert place.check().satisfied
    assert applied.outputs["before"] == f"{place.dest}.before-{'a' * 12}"
    assert place.check().outputs["before"] == applied.outputs["before"], (
        "an engine was killed before it wrote that down"
    )
    assert place.apply(replace=True).outputs == applied.outputs
    assert (place.root / f"app.before-{'a' * 12}" / "data").read_text() == "precious"


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_a_damaged_archive_is_not_unpacked(place, what):
    params = place.params()
    content = place.archive.read_bytes()
    place.archive.unlink()
    if what == "changed":
        place.archive.write_bytes(content + b"x")
    with pytest.raises(ActionFailedError, match=r"SHA-256 differs|is not there"):
        ACTION.check(params, place.context().reading(ACTION, params))
    with pytest.raises(ActionFailedError, match=r"SHA-256 differs|could not be unpacked"):
        ACTION.apply(params, place.context())
    assert not place.dest.exists()


def test_what_is_no_archive_leaves_nothing_in_place(place):
    place.archive.write_text("no tar")
    with pytest.raises(ActionFailedError, match="could not be unpacked"):
        place.apply()
    assert place.names() == ["app.tar.gz", "home"]


def test_half_unpacked_by_a_killed_attempt_is_begun_anew(place):
    half = place.root / f"app.part-{place.params().sha256[:12]}"
    half.mkdir()
    (half / "stale").write_text("old")
    place.apply()
    assert sorted(path.name for path in place.dest.iterdir()) == [MARKER, "conf", "run.sh"]
    assert not half.exists()


def test_members_that_lead_out_of_the_folder_stay_inside(place):
    with tarfile.open(place.archive, "w:gz") as tar:
        link = tarfile.TarInfo("app/out")
        link.type, link.linkname = tarfile.SYMTYPE, str(place.root)
        tar.addfile(link)
        for name in ("app/out/through", "app/../../escaped"):
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(ActionFailedError, match="could not be unpacked"):
        place.apply()
    assert not (place.root / "through").exists()
    assert subprocess.run(["find", place.root, "-name", "escaped"], capture_output=True, check=True).stdout == b""
