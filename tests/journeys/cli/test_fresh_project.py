"""Before the first run, and when the journal is not what it should be."""


def test_before_the_first_run_the_lists_are_empty(runbook):
    listed = runbook("runs")
    assert (listed.status, listed.out) == (0, "")
    assert runbook("runs", "--output", "json").json == []
    told = runbook("status")
    assert told.status == 0
    assert "no runs yet" in told.err + told.out
    assert runbook("status", "--output", "json").json is None
    verified = runbook("audit", "verify")
    assert verified.status == 0
    assert "nothing to verify" in verified.out
    assert runbook("audit", "verify", "--output", "json").json["intact"] is True
    assert not (runbook.root / ".runbook/journal.db").exists(), "looking makes nothing"


def test_an_unknown_run_is_wrong_usage_before_the_first_run_too(runbook):
    for words in (
        ("report", "last"),
        ("status", "x"),
        ("resume",),
        ("approve", "x", "y"),
        ("audit", "log", "x"),
        ("audit", "verify", "x"),
        ("resolve", "x", "y", "done"),
        ("graph", "restore-settings", "--run", "x"),
    ):
        called = runbook(*words)
        assert called.status == 2, (words, called.err)
        assert "no journal yet" in called.err


def test_a_journal_that_was_emptied_is_not_taken_for_a_new_one(runbook):
    runbook("run", "restore-settings", "--dry-run")
    journal = runbook.root / ".runbook/journal.db"
    for leftover in journal.parent.glob("journal.db-*"):
        leftover.unlink()
    journal.write_bytes(b"")
    for words in (("run", "restore-settings", "--dry-run"), ("runs",), ("audit", "verify")):
        refused = runbook(*words)
        assert refused.status == 6, words
        assert "is empty" in refused.err
        assert "remove it" in refused.err
    assert journal.read_bytes() == b""
    journal.unlink()
    assert runbook("run", "restore-settings", "--dry-run").status == 0


def test_an_address_that_is_none_is_wrong_configuration(runbook):
    called = runbook("runs", RUNBOOK_JOURNAL="foo://x")
    assert called.status == 3
    assert "is not an address" in called.err
