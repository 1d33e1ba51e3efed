"""file.line on this machine's files and over a real sshd: once done it is unchanged, and no other byte changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sshd import SSHD, start_sshd

from runbook_engine.actions.file_line import FileLine
from runbook_engine.connections.factory import HostConnections, HostSettings
from runbook_engine.sdk import ActionFailedError, ReadOnlyError
from runbook_engine.testing import FakeConnection, make_context

ROLE = {"line": "role=standby", "match": "^role="}


def test_a_line_is_replaced_and_owner_bits_and_other_bytes_stay(real, step, tmp_path):
    file = tmp_path / "app.conf"
    file.write_bytes(b"\xff\xfe no text\r\nrole=primary\r\nlast, without an end")
    file.chmod(0o640)
    params = {**ROLE, "path": str(file)}
    assert step(FileLine(), params, real())[0] == "changed"
    assert file.read_bytes() == b"\xff\xfe no text\r\nrole=standby\r\nlast, without an end"
    assert file.stat().st_mode & 0o7777 == 0o640
    assert step(FileLine(), params, real())[0] == "unchanged"


def test_a_line_that_is_replaced_keeps_its_own_end(real, step, tmp_path):
    file = tmp_path / "app.conf"
    for before, after in ((b"a\r\nrole=x", b"a\r\nrole=standby"), (b"a\nrole=x\r\nb\n", b"a\nrole=standby\r\nb\n")):
        file.write_bytes(before)
        assert step(FileLine(), {**ROLE, "path": str(file)}, real())[0] == "changed"
        assert file.read_bytes() == after


def test_a_check_writes_nothing_and_shows_the_difference(real, tmp_path):
    file = tmp_path / "app.conf"
    file.write_text("role=primary\n")
    context, action = real(), FileLine()
    params = action.Params(**ROLE, path=str(file))
    finding = action.check(params, context.reading(action, params))
    assert "-role=primary\n+role=standby" in finding.changes[0].after
    with pytest.raises(ReadOnlyError):
        action.apply(params, context.reading(action, params))
    assert file.read_text() == "role=primary\n"


def test_a_link_and_a_file_that_is_too_long_are_refused(real, step, tmp_path):
    (tmp_path / "file").write_text("x\n")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(ActionFailedError, match=r"is not a file \(link\)"):
        step(FileLine(), {"path": f"{tmp_path}/link", "line": "y"}, real())
    with (tmp_path / "long").open("wb") as long:
        long.truncate((8 << 20) + 1)
    with pytest.raises(ActionFailedError, match="longer than 8 MiB"):
        step(FileLine(), {"path": f"{tmp_path}/long", "line": "y"}, real())


@pytest.mark.sshd
@pytest.mark.skipif(SSHD is None, reason="no sshd: install openssh-server")
def test_over_ssh(real, step, tmp_path):
    server = start_sshd(tmp_path / "sshd")
    try:
        made = HostConnections(HostSettings(ssh=server.settings(agent=False)))
        connection = made.open(server.target())
        file = tmp_path / "far.conf"
        params = {"path": str(file), "line": "a=1", "create": True, "mode": "0600"}
        assert step(FileLine(), params, real(connection=connection))[0] == "changed"
        assert step(FileLine(), params, real(connection=connection))[0] == "unchanged"
        assert (file.read_text(), file.stat().st_mode & 0o777) == ("a=1\n", 0o600)
        made.close()
    finally:
        server.stop()


@pytest.mark.parametrize(
    "wrong",
    [
        {"line": "a\nb"},
        {"line": "role=x", "match": "("},
        {"line": "x", "match": "^role="},
        {},
        {"state": "absent"},
        {"state": "absent", "line": "a", "match": "a"},
        {"state": "absent", "line": "a", "create": True},
    ],
)
def test_what_could_not_be_done_twice_the_same_way_is_refused(wrong):
    with pytest.raises(ValueError, match="validation error"):
        FileLine.Params.model_validate({"path": "/a", **wrong})


LINES = st.lists(st.text("ab=[]é", max_size=5) | st.just("role=a"), max_size=6)


@given(LINES, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["present", "absent", "match", "after"]))
def test_done_once_it_is_done_and_every_other_line_stays(lines, ended, end, kind):
    text = end.join(lines) + (end if ended and lines else "")
    params = {
        "present": {"line": "role=a"},
        "absent": {"line": "role=a", "state": "absent"},
        "match": {"line": "role=b", "match": "^role="},
        "after": {"line": "role=b", "after": "a"},
    }[kind]
    context, action = make_context(connection=FakeConnection({"/f": text})), FileLine()
    params = action.Params(**params, path="/f")
    if not action.check(params, context).satisfied:
        action.apply(params, context)
    assert action.check(params, context).satisfied
    after = context.connection.read("/f", limit=10_000).decode().replace("\r\n", "\n").split("\n")
    others = [line for line in lines if not line.startswith("role=") and line]
    assert [line for line in after if not line.startswith("role=") and line] == others
