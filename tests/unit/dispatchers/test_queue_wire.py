"""Orders and reports survive the journey as they are."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.orders import an_order

from runbook_engine.dispatchers.queue_wire import (
    SentOrder,
    order_text,
    read_order,
    read_report,
    report_text,
    unbegun_text,
)
from runbook_engine.model.inventory import Target
from runbook_engine.model.outcome import CheckStatus, Finding, Grade, Mode, Outcome
from runbook_engine.ports.dispatcher import AttemptReport

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.text(), JSON, max_size=4)


@settings(max_examples=60, deadline=None)
@given(OBJECT, OBJECT, st.sampled_from(Mode), st.booleans(), st.none() | st.text())
def test_an_order(parameters, variables, mode, flag, user):
    order = an_order(
        parameters=parameters,
        target=Target(name="h", groups=("a", "b"), variables=variables),
        mode=mode,
        settle=flag,
        sensitive=not flag,
        become_user=user,
        secrets={"\ue000secret:0\ue001": "env:NAME"},
        recorded=parameters,
        fence=2**40,
    )
    text = order_text(SentOrder(order, "plugins/x.py", "sha256:1"))
    assert text.isascii()
    assert read_order(text) == (order, "plugins/x.py", "sha256:1")


@settings(max_examples=60, deadline=None)
@given(OBJECT, st.text(), st.sampled_from(Outcome), st.none() | st.sampled_from(Grade), st.booleans())
def test_a_report(outputs, error, outcome, grade, flag):
    finding = Finding(status=CheckStatus.SATISFIED, summary=error, outputs=outputs)
    report = AttemptReport(
        "s@h",
        3,
        outcome,
        finding=finding,
        outputs=outputs,
        grade=grade,
        seconds=0.1,
        error=error,
        in_doubt=flag,
        needs_person=not flag,
        recovery_point=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    )
    output = {"stdout": b"\x00\xff"}
    assert read_report(report_text(report), an_order(number=3), output) == report._replace(output=output)


def test_what_nobody_began_leaves_an_older_doubt_as_it_is():
    text = unbegun_text("taken back")
    fresh = read_report(text, an_order(number=4), {})
    assert (fresh.number, fresh.unbegun, fresh.in_doubt, fresh.error) == (4, True, False, "taken back")
    assert read_report(text, an_order(settle=True), {}).in_doubt


@pytest.mark.parametrize(
    "text",
    ["", "{", "5", "null", "[]", '"unbegun"', "{}", "[" * 100_000, '{"unbegun": 5}', '{"order": {}, "origin": 1}'],
)
def test_what_is_none_of_them_is_refused_in_one_way(text):
    with pytest.raises(ValueError):
        read_order(text)
    with pytest.raises(ValueError):
        read_report(text, an_order(), {})


def test_a_worker_reports_of_its_own_order_alone():
    text = report_text(AttemptReport("other@host", 7, Outcome.CHANGED))
    assert read_report(text, an_order(), {})[:3] == ("s@h", 1, Outcome.CHANGED)
