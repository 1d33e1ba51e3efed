"""What a git server says of a repository, also when it says it wrongly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plugins import plugin

MODULE = plugin("atlassian")["git_advertisement"]
A, B, C = (letter * 40 for letter in "abc")


def packet(text):
    content = text if isinstance(text, bytes) else text.encode()
    return f"{len(content) + 4:04x}".encode() + content


def answer(*lines):
    return packet("# service=git-upload-pack\n") + b"0000" + b"".join(map(packet, lines)) + b"0000"


WHOLE = answer(
    f"{A} HEAD\0multi_ack symref=HEAD:refs/heads/main agent=git/2\n",
    f"{A} refs/heads/main\n",
    f"{B} refs/tags/v1\n",
    f"{C} refs/tags/v1^{{}}\n",
)


def test_references_and_main_branch():
    found = MODULE.read_advertisement(WHOLE)
    assert found.refs == {"refs/heads/main": A, "refs/tags/v1": B}
    assert found.head == "refs/heads/main"


def test_an_empty_repository_has_none():
    found = MODULE.read_advertisement(answer("0" * 40 + " capabilities^{}\0agent=git/2"))
    assert (found.refs, found.head) == ({}, "")


def test_what_is_cut_off_is_never_taken_for_fewer_references():
    for end in range(len(WHOLE)):
        with pytest.raises(ValueError, match=r"cut off|not that of a git server"):
            MODULE.read_advertisement(WHOLE[:end])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Log in</html>",
        b"0000",
        packet("# service=git-receive-pack\n") + b"0000",
        b"0003",
        b"zzzz",
        answer("no oid"),
    ],
)
def test_what_is_none_is_told(content):
    with pytest.raises(ValueError, match="git server"):
        MODULE.read_advertisement(content)


@given(st.binary(max_size=300) | st.lists(st.binary(max_size=60), max_size=5).map(lambda lines: answer(*lines)))
def test_nothing_else_comes_of_any_bytes(content):
    try:
        found = MODULE.read_advertisement(content)
    except ValueError:
        return
    assert all(name.startswith("refs/") and len(oid) == 40 for name, oid in found.refs.items())
