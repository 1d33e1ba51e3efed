import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.loading.inventory.ranges import expand_host
from runbook_engine.model.host_address import split_port


def expand(pattern):
    return expand_host(pattern, has_room=lambda count: count <= 1000)


@pytest.mark.parametrize(
    ("pattern", "names", "port"),
    [
        ("web", ["web"], None),
        ("web:22", ["web"], 22),
        ("w[8:10]", ["w8", "w9", "w10"], None),
        ("w[08:10]", ["w08", "w09", "w10"], None),
        ("w[01:10:4].lan:2222", ["w01.lan", "w05.lan", "w09.lan"], 2222),
        ("[a:c][1:2]", ["a1", "a2", "b1", "b2", "c1", "c2"], None),
        ("w[y:B]", ["wy", "wz", "wA", "wB"], None),
        ("w[:2]", ["w0", "w1", "w2"], None),
        ("[2001:db8::1]:22", ["2001:db8::1"], 22),
        ("2001:db8::1", ["2001:db8::1"], None),
        ("::1", ["::1"], None),
    ],
)
def test_ranges_and_ports(pattern, names, port):
    assert expand(pattern) == (names, port)


def test_no_names_are_made_when_there_is_no_room():
    assert expand("w[1:999999999]")[0] == []


@given(st.text("ab019[]:-.%\n é", max_size=30))
def test_any_text_is_expanded_or_refused_with_words(text):
    split_port(text)
    problem, names = "", []
    try:
        names, _ = expand(text)
    except ValueError as error:
        problem = str(error)
    assert "unpack" not in problem
    assert all("[" not in name for name in names)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 7))
def test_a_range_gives_what_counting_gives(begin, more, step):
    names, _ = expand(f"n[{begin}:{begin + more}:{step}]x")
    assert names == [f"n{number}x" for number in range(begin, begin + more + 1, step)]
