"""What can't be looked at is said, and never taken for missing, for well, or for a defect of the program."""

from contextlib import contextmanager

import pytest
from support.rights import call_bound

BOOK = "restore-settings"
PLANNING = [f"plan {BOOK}", f"run {BOOK} --yes", f"forecast {BOOK}", f"readiness {BOOK}", f"actions --iam {BOOK}"]


@contextmanager
def closed(folder, mode=0o000):
    before = folder.stat().st_mode & 0o777
    folder.chmod(mode)
    try:
        yield
    finally:
        folder.chmod(before)


@pytest.mark.parametrize(
    ("folder", "calls"),
    [
        ("runbooks", [*PLANNING, f"graph {BOOK}", "monitor", "validate", "compliance --strict"]),
        ("inventories", [*PLANNING, "monitor", "validate"]),
        ("plugins", [*PLANNING, f"graph {BOOK}", "monitor", "validate", "compliance"]),
    ],
)
def test_a_folder_that_may_not_be_read_is_refused_by_every_command(runbook, folder, calls):
    with closed(runbook.root / folder):
        for call, ended in zip([*calls, "doctor"], call_bound(runbook.root, *calls, "doctor"), strict=True):
            assert ended.status == (1 if call == "doctor" else 3), (call, ended)
            assert "can't be read: Permission denied" in ended.out + ended.err, (call, ended)


def test_a_folder_that_lists_files_but_lets_none_be_read_is_refused(runbook):
    with closed(runbook.root / "runbooks", 0o444):
        for ended in call_bound(runbook.root, f"plan {BOOK}", "validate", "compliance", "monitor"):
            assert ended.status == 3, ended
            assert "Permission denied" in ended.out + ended.err, ended


def test_a_journal_that_may_not_be_looked_for_is_not_taken_for_none(runbook):
    assert runbook("run", BOOK, "--dry-run").status == 0
    calls = ("audit verify", "runs", f"forecast {BOOK}", "compliance", "audit verify --output json")
    with closed(runbook.root / ".runbook"):
        *journals, doctor = call_bound(runbook.root, *calls, "doctor")
    for call, ended in zip(calls, journals, strict=True):
        assert ended.status == 6, (call, ended)
        assert "journal.db can't be read: Permission denied" in ended.err, (call, ended)
    assert doctor.status == 1
    assert "can't be read: Permission denied" in doctor.out
    assert runbook("audit", "verify").status == 0


@pytest.mark.parametrize("name", ["x" * 5000, "x" * 252, "é" * 200])
def test_a_name_that_no_file_can_have_is_refused(runbook, name):
    for words in (
        *((command, name) for command in ("plan", "run", "forecast", "validate", "readiness", "graph", "monitor")),
        ("actions", "--iam", name),
        ("plan", BOOK, "-i", name),
        ("plan", BOOK, "-e", f"@{name}"),
    ):
        called = runbook(*words)
        assert called.status in {2, 3}, (words[:2], called)
        assert len(called.err + called.out) < 1000 or "@" in words[-1], (words[:2], called)


def test_a_secret_by_a_name_that_no_file_can_have_is_refused(runbook):
    called = runbook("secrets", "edit", "x" * 5000)
    assert called.status in {2, 3}
    assert "File name too long" in called.err
    assert len(called.err) < 1000


def test_a_journal_on_a_read_only_medium_is_read_and_not_written(runbook, tmp_path):
    assert runbook("run", BOOK, "--yes").status == 0
    place = runbook.root / ".runbook"
    out = tmp_path / "bundle.tar.gz"
    assert runbook("audit", "export", "last", "-o", str(out)).status == 0, "which makes the project's key"
    out.unlink()
    calls = (
        "audit verify",
        "audit log last",
        "runs",
        "status last",
        "report last",
        f"forecast {BOOK}",
        f"audit export last -o {out}",
    )
    before = sorted(path.name for path in place.iterdir())
    with closed(place / "journal.db", 0o400), closed(place, 0o500):
        *read, run = call_bound(runbook.root, *calls, f"run {BOOK} --yes")
    for call, ended in zip(calls, read, strict=True):
        assert ended.status == 0, (call, ended)
    assert "intact: 1 runs" in read[0].out
    assert out.stat().st_size
    assert run.status == 6
    assert "read-only" in run.err or "Permission denied" in run.err
    assert sorted(path.name for path in place.iterdir()) == before
    with closed(place / "journal.db", 0o400):
        (ended,) = call_bound(runbook.root, "audit verify")
        assert (ended.status, sorted(path.name for path in place.iterdir())) == (0, before), ended


def test_a_read_only_journal_is_not_read_without_its_log(runbook):
    assert runbook("run", BOOK, "--yes").status == 0
    place = runbook.root / ".runbook"
    (place / "journal.db-wal").write_bytes(b"events")
    with closed(place / "journal.db", 0o400), closed(place, 0o500):
        for ended in call_bound(runbook.root, "audit verify", "runs"):
            assert ended.status == 6, ended
            assert "its log journal.db-wal holds events" in ended.err, ended
