import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.expressions import regex
from runbook_engine.expressions.errors import TemplateError


def test_an_expensive_expression_that_ends_gives_what_re_gives():
    text = "a" * 30 + " " + "word " * 2000 + "version 1.22"
    pattern = r"(\w+)\s(\d+)\.(\d+)"
    assert regex.find(text, pattern) == ["version 1.22", "version", "1", "22"]
    assert regex.replace(text, pattern, r"\3") == re.sub(pattern, r"\3", text)
    assert regex.find_all(text, r"(\w)(?:\w)+")[:2] == ["a", "w"]


def test_nested_repetition_works_where_it_ends():
    assert regex.find("10.0.0.255", r"(\d+\.)+(\d+)", "fullmatch") == ["10.0.0.255", "0.", "255"]
    assert regex.find("10.0.0.x", r"(\d+\.)+(\d+)", "fullmatch") is None


def test_an_expression_without_end_is_given_up():
    with pytest.raises(TemplateError, match="found no end within 2 s"):
        regex.find("a" * 40, r"(a+)+b$")


def test_limits():
    with pytest.raises(TemplateError, match="may have 500"):
        regex.find("x", "x" * 501)
    with pytest.raises(TemplateError, match="may search 100,000"):
        regex.find("x" * 100_001, "x")


@given(st.text(max_size=50), st.sampled_from([r"a+b", r"^(\w*)-(\w*)$", r"[^,]*,", r"(?:ab|cd)e?", r"\d{2,3}"]))
def test_cheap_expressions_give_what_re_gives(text, pattern):
    found = re.search(pattern, text)
    assert regex.find(text, pattern) == (None if found is None else [found[0], *found.groups()])
