"""What holds for any input: hostile feeds, records in any spelling, listings of any content."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from runbook_engine.actions.aws.asg_groups import SizeParams, Sizes
from runbook_engine.actions.aws.before import noted, remember
from runbook_engine.actions.aws.marks import TAG_VALUE_LIMIT
from runbook_engine.actions.aws.route53 import Record, normal, record_set
from runbook_engine.actions.aws.s3_listing import S3Object, difference, same_by_etag
from runbook_engine.actions.command_result import CAP, outputs_of
from runbook_engine.actions.http_probe import value_at
from runbook_engine.actions.status_feeds import read_aws, read_statuspage
from runbook_engine.sdk import CommandResult
from runbook_engine.testing import make_context

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
KEYS = st.sampled_from(["arn", "status", "summary", "end_time", "indicator", "components", "incidents", "name", "x"])
DOCUMENTS = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5))
START = datetime(2026, 11, 23, tzinfo=UTC)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_feed_are_unknown_or_quiet(body):
    assert read_aws(body, "us-east-1").state in {"unknown", "clear"}
    assert read_statuspage(body, ["x"]).state == "unknown"


@given(DOCUMENTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_any_json_gives_a_state(document, encoding):
    body = json.dumps(document).encode(encoding)
    assert read_aws(body, None).state in {"active", "clear", "unknown"}
    assert read_statuspage(body, []).state in {"active", "clear", "maintenance", "unknown"}


@given(st.lists(st.sampled_from(["us-east-1", "eu-west-1"])), st.lists(st.booleans(), min_size=9, max_size=9))
def test_only_active_events_of_the_region_count(regions, ended):
    events = [
        {"arn": f"arn:aws:health:{region}::event/E/T/{n}", "status": "3", "summary": "s"}
        | ({"end_time": "1"} if ended[n % 9] else {})
        for n, region in enumerate(regions)
    ]
    reading = read_aws(json.dumps(events).encode("utf-16"), "us-east-1")
    count = sum(region == "us-east-1" and not ended[n % 9] for n, region in enumerate(regions))
    assert len(reading.events) == count
    assert reading.state == ("active" if count else "clear")


@given(st.lists(st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){1,2}", fullmatch=True), min_size=1, max_size=4, unique=True))
def test_a_record_equals_itself_however_route53_spells_it(names):
    record = Record(name=names[0], type="NS", values=names)
    answered = {
        "Name": names[0].upper() + ".",
        "Type": "NS",
        "TTL": 60,
        "ResourceRecords": [{"Value": name.title() + "."} for name in reversed(names)],
    }
    assert normal(answered) == normal(record_set(record))


OBJECTS = st.dictionaries(st.text("ab/", max_size=4), st.tuples(st.integers(0, 3), st.sampled_from("xyz")), max_size=8)


def listing(objects):
    return {key: S3Object(key, size, etag, START + timedelta(0)) for key, (size, etag) in objects.items()}


@given(OBJECTS, OBJECTS)
def test_after_copying_the_difference_nothing_differs(one, two):
    source, dest = listing(one), listing(two)
    diff = difference(source, dest, same=same_by_etag, delete=True)
    for item in diff.copy:
        dest[item.key] = item
    for key in diff.delete:
        del dest[key]
    assert dest == source
    assert not difference(source, dest, same=same_by_etag, delete=True).copy


@given(st.binary(max_size=300), st.integers(0, 3))
def test_any_output_becomes_bounded_text(data, times):
    result = CommandResult(0, data * 400 * times, data)
    outputs = outputs_of(result, what="x", target="t", ok=[0], parse=None)
    assert len(outputs["stdout"]) <= CAP + 100
    json.dumps(outputs)


@given(DOCUMENTS, st.text("abx.01", max_size=10))
def test_a_path_leads_somewhere_or_nowhere(document, path):
    there, value = value_at(document, path)
    assert there or value is None


SIZES = st.lists(st.integers(0, 9), min_size=3, max_size=3).map(sorted)


@given(SIZES, SIZES, st.sets(st.sampled_from(["min", "desired", "max"]), min_size=1), st.booleans())
def test_sizes_stay_in_order_and_are_what_was_asked_for(now, asked, names, at_least):
    given_sizes = {name: size for name, size in zip(("min", "desired", "max"), asked, strict=True) if name in names}
    params = SizeParams(region="eu-west-1", at_least=at_least, **given_sizes)
    before = Sizes(min=now[0], desired=now[1], max=now[2])
    wanted = before.wanted(params)
    assert wanted.min <= wanted.desired <= wanted.max
    for name, size in given_sizes.items():
        expected = max(size, before.by_name()[name]) if at_least else size
        assert wanted.by_name()[name] == expected
    assert wanted.wanted(params) == wanted


WORDS = st.from_regex(r"[a-z][a-z0-9:/._-]{0,90}", fullmatch=True).filter(lambda word: word not in {"true", "false"})
VALUES = st.integers(0, 10**9) | st.booleans() | WORDS


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), VALUES, min_size=1, max_size=4))
@example({"desired": 3, "task_definition": "web" * 80 + ":12"})
def test_what_was_before_is_read_from_the_tag_as_it_was_noted_or_not_noted_at_all(now):
    context, tags = make_context(), {}
    assert remember(context, tags, now, tags.__setitem__) == now
    assert noted(tags, context) == (now if tags else {})
    assert all(len(value) <= TAG_VALUE_LIMIT for value in tags.values())
    if tags:
        assert remember(context, tags, {"other": 1}, tags.__setitem__) == now
    else:
        assert context.progress_texts == ["what was before is too long to be noted in a tag"]
