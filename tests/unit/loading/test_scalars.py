"""Plain scalars: YAML 1.2's core schema, Ansible's YAML 1.1, and what readers disagree about."""

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.loading.scalars import read_plain, read_plain_1_1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None), ("true", True), ("FALSE", False), ("0", 0), ("-12", -12),
        ("+7", 7), ("0o17", 15), ("0x1F", 31), ("1.5", 1.5), (".5", 0.5), ("2.", 2.0), ("1.5e3", 1500.0), ("hello", "hello"),
        ("1.2.3", "1.2.3"), ("2026-07-01", "2026-07-01"), ("12a", "12a"), ("-", "-"), ("+", "+"), (".", "."), ("nope", "nope"),
    ],
)  # fmt: skip
def test_core_schema(text, value):
    plain = read_plain(text)
    assert (plain.value, type(plain.value), plain.ambiguous, plain.problem) == (value, type(value), "", "")


@pytest.mark.parametrize(
    "text", ["NO", "yes", "On", "off", "017", "0644", "08", "1:30", "1_000", "0b101", "1e3", "123e4567", "0x_f"]
)
def test_what_readers_disagree_about_stays_text_and_is_told(text):
    plain = read_plain(text)
    assert plain.value == text
    assert plain.ambiguous


@pytest.mark.parametrize("read", [read_plain, read_plain_1_1])
@pytest.mark.parametrize(
    "text", [".nan", ".inf", "-.INF", "9" * 30, "9" * 10_000, "1." + "0" * 5 + "e+999", "-9223372036854775809"]
)
def test_numbers_without_an_end_are_refused(read, text):
    assert read(text).problem
    assert read(text).value is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True), ("NO", False), ("on", True), ("Off", False), ("017", 15), ("0o17", "0o17"), ("1:30", 90), ("-1:30", -90), ("1_000", 1000),
        ("0b101", 5), ("0x1F", 31), ("1:30.5", 90.5), ("1_0.5", 10.5), ("08", "08"), ("1e3", "1e3"), ("y", "y"), ("2026-07-01", "2026-07-01"),
    ],
)  # fmt: skip
def test_ansible_reading(text, value):
    plain = read_plain_1_1(text)
    assert (plain.value, type(plain.value)) == (value, type(value))


@given(st.text(alphabet="0123456789+-.:_eExobXaAfFyYnNtTrRuUsSlL~", max_size=12))
def test_ansible_reading_equals_pyyaml(text):
    try:
        expected = yaml.safe_load(f"- {text}" if text else "-")[0]
    except (yaml.YAMLError, ValueError):
        return
    if not isinstance(expected, str | int | float | bool | None) or text.startswith(("0o", "- ", "-\t")):
        return
    plain = read_plain_1_1(text)
    if isinstance(expected, float) and not math.isfinite(expected):
        assert plain.problem
    elif not plain.problem:
        assert (plain.value, type(plain.value)) == (expected, type(expected))
