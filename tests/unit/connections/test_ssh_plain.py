"""The pieces in which a resident shell tells of a plain command, however the wire cuts them."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.connections.ssh_plain import PlainProcess
from runbook_engine.connections.ssh_resident import ResidentShell
from runbook_engine.sdk import RunbookError, TargetUnreachableError


class Wire:
    """A channel that gives what it was made with, then its end."""

    def __init__(self, parts):
        self.parts = list(parts)

    def settimeout(self, seconds):
        """Everything is there at once."""

    def recv(self, size):
        if not self.parts:
            return b""
        if self.parts[0] is None:
            raise TimeoutError
        return self.parts.pop(0)


class Home:
    """What a shell is given back to; tells whether it came back clean."""

    def __init__(self):
        self.back = None

    def give(self, _shell, *, clean):
        self.back = clean


def process(*parts, active=True):
    link, home = SimpleNamespace(lost="", transport=SimpleNamespace(is_active=lambda: active)), Home()
    shell = ResidentShell("web1", home, (), link, Wire(parts))
    return PlainProcess(shell, "rbn", "true", 1 << 20), home


def cut(data, at):
    edges = [0, *sorted(at), len(data)]
    return [data[start:end] for start, end in zip(edges, edges[1:], strict=False) if start < end]


pieces = st.lists(st.tuples(st.sampled_from("oe"), st.binary(min_size=1, max_size=40)), max_size=8)


@given(pieces, st.integers(0, 255), st.data())
def test_both_streams_and_the_end_come_out_however_they_are_cut(said, status, data):
    whole = b"b 77 rbn\n" + b"".join(b"%s %d\n%s" % (kind.encode(), len(text), text) for kind, text in said)
    whole += b"x %d rbn\n" % status
    at = data.draw(st.lists(st.integers(1, len(whole) - 1), max_size=6, unique=True))
    one, shell = process(*cut(whole, at))
    heard = {"stdout": b"", "stderr": b""}

    def listen(stream, text):
        heard[stream] += text

    assert one.pump(9, listen)
    one.close()
    want = tuple(b"".join(text for kind, text in said if kind == stream) for stream in "oe")
    assert (one.stdout.content(), one.stderr.content()) == want == (heard["stdout"], heard["stderr"])
    assert (one.session, one.exit_status, shell.back) == (77, status, True)


def test_output_that_looks_like_an_end_is_output():
    text = b"x 0 rbn\no 5\nb 1 rbn\n"
    one, shell = process(b"b 77 rbn\no %d\n" % len(text) + text + b"x 3 rbn\n")
    assert one.pump(9)
    assert (one.stdout.content(), one.exit_status) == (text, 3)
    one.close()
    assert shell.back is True


def test_before_its_end_the_shell_is_let_go():
    one, shell = process(b"b 77 rbn\no 9\nhal", None)
    assert not one.pump(9)
    one.close()
    one.close()
    assert (one.session, one.stdout.content(), shell.back) == (77, b"hal", False)


@pytest.mark.parametrize(
    "line",
    [b"x 0 other\n", b"b 7 other\n", b"o 3\n", b"b x rbn\n", b"hello\n", b"\n", b"b 7 rbn\nq 3\n", b"n" * 5000, b"r no why\n"],
)  # fmt: skip
def test_what_it_never_says_is_refused(line):
    one, shell = process(line)
    with pytest.raises(TargetUnreachableError, match="what it never says"):
        one.pump(9)
    one.close()
    assert shell.back is False


def test_words_behind_the_end_make_the_shell_unusable():
    one, shell = process(b"b 7 rbn\nx 0 rbn\n", b"more")
    assert one.pump(9)
    one.close()
    assert shell.back is True
    with pytest.raises(TargetUnreachableError, match="what it never says"):
        process(b"b 7 rbn\nx 0 rbn\nmore\n")[0].pump(9)


def test_a_refusal_is_told_and_leaves_the_shell_usable():
    one, shell = process(b"r rbn it has no pipe left\n")
    with pytest.raises(RunbookError, match="refused to start the command: it has no pipe left") as caught:
        one.pump(9)
    assert not isinstance(caught.value, TargetUnreachableError)
    one.close()
    assert shell.back is True


@pytest.mark.parametrize(
    ("active", "words"), [(True, "the shell that ran true was ended"), (False, "connection was lost")]
)
def test_an_end_in_between_is_in_doubt(active, words):
    one, _ = process(b"b 7 rbn\n", active=active)
    with pytest.raises(TargetUnreachableError, match=words) as caught:
        one.pump(9)
    assert "unknown" in caught.value.hint
