"""What is kept of a stream."""

from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.connections.capture import Capture, StopWatch


@given(st.lists(st.binary(max_size=40)), st.integers(2, 30))
def test_head_and_tail_are_kept_whatever_the_pieces(pieces, limit):
    capture = Capture(limit)
    for piece in pieces:
        capture.add(piece)
    whole, half = b"".join(pieces), limit // 2
    kept = capture.content()
    assert capture.total == len(whole)
    assert len(kept) <= limit
    if len(whole) <= half * 2:
        assert kept == whole
    else:
        assert kept == whole[:half] + whole[-half:]


@given(st.lists(st.binary(max_size=5)), st.binary(min_size=1, max_size=4))
def test_a_word_is_seen_however_it_is_cut(pieces, word):
    watch = StopWatch(word)
    for piece in pieces:
        watch.add(piece)
    assert watch.seen == (word in b"".join(pieces))
