"""What a login prints before a command's own words reaches no listener, however the streams are cut."""

from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.connections.listen import BehindMark, split_mark

noise = st.binary(max_size=30).filter(lambda text: b"rbmark" not in text)


@given(noise, st.binary(max_size=30), st.lists(st.integers(1, 70), max_size=5, unique=True))
def test_only_what_follows_the_marks_line_is_handed_on(before, after, at):
    whole = before + b"\nrbmark 77\n" + after
    heard = {"stdout": b"", "stderr": b""}

    def hand_on(stream, data):
        assert data
        heard[stream] += data

    listener = BehindMark(hand_on, b"rbmark")
    edges = [0, *(edge for edge in sorted(at) if edge < len(whole)), len(whole)]
    for start, end in zip(edges, edges[1:], strict=False):
        listener("stderr", whole[start:end])
    listener("stdout", b"no line with it")
    assert heard == {"stdout": b"", "stderr": after}
    assert split_mark(whole, b"rbmark") == (b" 77", after)


def test_a_line_that_is_not_whole_splits_nothing():
    assert split_mark(b"noise\nrbmark 7", b"rbmark") is None
    assert split_mark(b"noise\n", b"rbmark") is None
