"""The text of an event: what is written quickly is exactly what the general way writes."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_engine.journals.event_text import event_text
from runbook_engine.model.event import EVENT, AttemptFinished, AttemptStarted
from runbook_engine.model.json import canonical_json
from runbook_engine.model.outcome import Change, Finding

TIMES = st.datetimes(timezones=st.just(UTC))
TEXTS = st.text(max_size=20) | st.sampled_from(['"', "\\", "\0", "\x7f", "\u2028", "é", "\U0001f525", "</script>"])
OBJECTS = st.just({}) | st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers() | TEXTS, max_size=3)
FINDINGS = st.builds(
    Finding,
    summary=TEXTS,
    changes=st.just(()) | st.tuples(st.builds(Change, what=TEXTS)),
    outputs=OBJECTS,
    evidence=OBJECTS,
    recovery_point=st.none() | TIMES,
)
STARTED = st.builds(
    AttemptStarted, task=TEXTS, number=st.integers(), token=TEXTS, parameters=TEXTS, settles=st.booleans()
)
FINISHED = st.builds(
    AttemptFinished,
    task=TEXTS,
    number=st.integers(),
    finding=st.none() | FINDINGS,
    outputs=OBJECTS,
    seconds=st.floats(allow_nan=False, allow_infinity=False),
    error=TEXTS,
    output_digest=st.just({}) | st.dictionaries(TEXTS, TEXTS, max_size=2),
    in_doubt=st.booleans(),
    unbegun=st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # (on a busy machine)
@given(STARTED | FINISHED)
def test_every_way_of_writing_gives_the_canonical_text(event):
    seen, text = event_text(event)
    assert text == canonical_json(event.model_dump(mode="json"))
    assert seen is event
    assert EVENT.validate_json(text) == event


@pytest.mark.parametrize(
    "event",
    [
        AttemptStarted(task="a@b", number=1, token="t"),
        AttemptFinished(task="a@b", number=1, outcome="unchanged", finding=Finding(status="satisfied")),
    ],
    ids=lambda event: event.kind,
)
def test_no_field_is_forgotten(event):
    written = json.loads(event_text(event)[1])
    assert written.keys() == type(event).model_fields.keys()
    if "finding" in written:
        assert written["finding"].keys() == Finding.model_fields.keys()


def test_a_lone_surrogate_is_replaced_and_not_lost():
    seen, text = event_text(AttemptStarted(task="a\udc80@b", number=1, token="t"))
    assert seen.task == "a?@b"
    assert json.loads(text)["task"] == "a?@b"


def test_no_number_is_written_as_text():
    seen, text = event_text(
        AttemptFinished(
            task="a@b",
            number=1,
            outcome="failed",
            outputs={"load": float("inf")},
            finding=Finding(status="unknown", recovery_point=datetime(2026, 1, 1, tzinfo=UTC)),
        )
    )
    assert seen.outputs == {"load": "inf"}
    assert json.loads(text)["outputs"] == {"load": "inf"}
