"""What file.copy asks of a connection, where a real one would hide the difference."""

from runbook_engine.actions.files import FileCopy
from runbook_engine.testing import FakeConnection, FakeFile, make_context


def test_a_file_keeps_its_mode_when_none_is_wanted():
    context = make_context(connection=FakeConnection({"/app.conf": FakeFile(b"old", mode=0o600)}))
    action = FileCopy()
    action.apply(action.Params(dest="/app.conf", content="new"), context)
    assert context.connection.state() == {"/app.conf": (b"new", 0o600)}


def test_content_that_is_no_text_is_compared_by_its_hash():
    context = make_context(
        connection=FakeConnection({"/a.bin": b"\xff\x00"}), project={"a.bin": b"\xfe\x00", "big": b"x" * 70_000}
    )
    action = FileCopy()
    for src in ("a.bin", "big"):
        finding = action.check(action.Params(dest="/a.bin", src=src), context)
        assert [change.what for change in finding.changes] == ["SHA-256 of /a.bin"]
