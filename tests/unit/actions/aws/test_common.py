"""What the AWS actions share: whose account, whose resources, what errors mean, and how long is waited."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runbook_engine.actions.aws.common import AwsParams, ExplainingClient, PolledParams, client, declared_account
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import (
    age,
    is_ours,
    marks,
    recovery_point,
    refuse_foreign,
    tag_list,
    tag_value,
    tags_of,
    token,
)
from runbook_engine.actions.aws.waiting import Seen, wait_gone, wait_until
from runbook_engine.sdk import ActionFailedError, AwsError, DeadlineError, ServiceUnreachableError, Target
from runbook_engine.testing import FakeAws, aws_error, make_context
from runbook_engine.testing.context import RUN

ROLE = "arn:aws:iam::123456789012:role/dr"
WHERE = {"region": "eu-west-1"}


def on(**variables):
    return make_context(target=Target(name="localhost", variables=variables))


@pytest.mark.parametrize(
    ("params", "variables", "account"),
    [
        ({"account": "111111111111"}, {"aws_account": "222222222222"}, "111111111111"),
        ({"role": ROLE}, {"aws_account": "222222222222"}, "123456789012"),
        ({}, {"aws_account": "222222222222"}, "222222222222"),
        ({}, {"aws_account": 12345678}, "000012345678"),
        ({}, {}, None),
    ],
)
def test_the_account_is_declared_by_parameter_role_or_inventory(params, variables, account):
    assert declared_account(AwsParams(**WHERE, **params), on(**variables)) == account


@pytest.mark.parametrize("value", ["12345", True, "one", [1]])
def test_an_inventory_that_names_no_account_is_told(value):
    with pytest.raises(ActionFailedError, match="aws_account"):
        declared_account(AwsParams(**WHERE), on(aws_account=value))


def test_a_role_of_another_account_is_refused():
    with pytest.raises(ValidationError, match="another account"):
        AwsParams(**WHERE, role=ROLE, account="222222222222")


def test_the_declared_account_reaches_the_session():
    asked = []

    class Context:
        target = Target(name="localhost", variables={"aws_account": "222222222222"})

        def aws(self, service, **where):
            asked.append((service, where))

    client(AwsParams(**WHERE), Context(), "rds", region="us-east-1")
    assert asked == [("rds", {"region": "us-east-1", "account": "222222222222", "role": None, "endpoint": None})]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("DBSnapshotNotFound", Trouble.NOT_FOUND),
        ("InvalidAMIID.NotFound", Trouble.NOT_FOUND),
        ("ResourceNotFoundException", Trouble.NOT_FOUND),
        ("NoSuchBucket", Trouble.NOT_FOUND),
        ("404", Trouble.NOT_FOUND),
        ("DBInstanceAlreadyExists", Trouble.EXISTS),
        ("TableAlreadyExistsException", Trouble.EXISTS),
        ("ResourceExistsException", Trouble.EXISTS),
        ("InvalidDBInstanceState", Trouble.BUSY),
        ("ResourceInUseException", Trouble.BUSY),
        ("IncorrectState", Trouble.BUSY),
        ("ScalingActivityInProgress", Trouble.BUSY),
        ("ResourceContention", Trouble.BUSY),
        ("ThrottlingException", Trouble.TRANSIENT),
        ("RequestLimitExceeded", Trouble.TRANSIENT),
        ("503", Trouble.TRANSIENT),
        ("EndpointTemporarilyUnavailableException", Trouble.TRANSIENT),
        ("SnapshotQuotaExceeded", Trouble.QUOTA),
        ("VcpuLimitExceeded", Trouble.QUOTA),
        ("InsufficientDBInstanceCapacity", Trouble.CAPACITY),
        ("InsufficientInstanceCapacity", Trouble.CAPACITY),
        ("AccessDeniedException", Trouble.DENIED),
        ("UnauthorizedOperation", Trouble.DENIED),
        ("ExpiredTokenException", Trouble.CREDENTIALS),
        ("KMSKeyNotAccessibleFault", Trouble.KEY),
        ("ValidationException", Trouble.OTHER),
        ("Unknown", Trouble.OTHER),
        ("UnsupportedOperation", Trouble.OTHER),
    ],
)
def test_codes_mean_something(code, kind):
    assert trouble(aws_error(code)) is kind


def test_errors_say_what_to_do_and_keep_a_better_hint():
    script = {"ec2:copy_image": [aws_error("VcpuLimitExceeded"), AwsError("m", code="VcpuLimitExceeded", hint="own")]}
    ec2 = client(AwsParams(**WHERE), make_context(cloud=FakeAws(script)), "ec2")
    with pytest.raises(AwsError) as refused:
        ec2.call("copy_image")
    assert "quota" in refused.value.hint
    assert refused.value.code == "VcpuLimitExceeded"
    with pytest.raises(AwsError) as refused:
        ec2.call("copy_image")
    assert refused.value.hint == "own"


def test_listings_are_explained_and_leave_out_what_is_none():
    seen = {}

    class Inner:
        def pages(self, operation, key, **given):
            seen.update(given)
            yield {"a": 1}
            raise aws_error("AccessDenied")

    pages = ExplainingClient(Inner()).pages("list_x", "X", One=1, None_=None)
    assert next(pages) == {"a": 1}
    with pytest.raises(AwsError, match="AccessDenied") as refused:
        next(pages)
    assert "--iam" in refused.value.hint
    assert seen == {"One": 1}


def test_marks_tell_run_step_source_and_age():
    context = make_context()
    point = context.clock.now() - timedelta(minutes=10)
    tags = tags_of(tag_list(marks(context, point=point, source="orders", source_snapshot="s<1>")))
    assert tags["dr:run"] == "run-1"
    assert tags["dr:step"] == "step"
    assert tags["dr:source-snapshot"] == "s_1_"
    assert is_ours(tags)
    assert recovery_point(tags) == point.replace(microsecond=0)
    assert age(recovery_point(tags), context).endswith("10m old")
    refuse_foreign("table t", tags, source="orders")


def test_what_is_foreign_is_refused():
    with pytest.raises(ActionFailedError, match="table t exists and was not made by a runbook"):
        refuse_foreign("table t", {"Name": "t"})
    ours = marks(make_context(), source="orders")
    with pytest.raises(ActionFailedError, match="was made from orders, not from bills"):
        refuse_foreign("table t", ours, source="bills")


@pytest.mark.parametrize("text", ["yesterday", "", None])
def test_a_recovery_point_that_is_no_time_is_none(text):
    assert recovery_point({"dr:recovery-point": text} if text is not None else {}) is None


def test_a_time_without_zone_is_utc():
    assert recovery_point({"dr:recovery-point": "2026-11-23T08:00:00"}) == datetime(2026, 11, 23, 8, tzinfo=UTC)


@given(st.text(max_size=400))
def test_tag_values_fit(text):
    assert len(tag_value(text)) <= 256


def test_tokens_are_the_attempts_own():
    context = make_context()
    other = make_context(run=RUN.model_copy(update={"token": "f" * 64}))
    assert len(token(context)) == 32
    assert token(context) == token(context)
    assert len({token(context), token(context, "second"), token(other)}) == 3


POLLED = PolledParams(region="eu-west-1", poll="10s", timeout="2m")


def looks(*answers):
    """Give one answer a look, the last for ever; an error is raised."""
    left = list(answers)

    def look():
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


def wait(context, *answers, params=POLLED):
    return wait_until(
        params, context, looks(*answers), what="copy", ready=("done",), terminal=("failed",), hint="retry"
    )


def test_a_wait_tells_how_far_it_is():
    context = make_context()
    assert wait(context, Seen("copying"), Seen("copying", 43.2), Seen("done", item={"x": 1})).item == {"x": 1}
    assert context.progress_texts == ["copy: copying, 0s", "copy: 43 %, copying, 10s"]


def test_what_is_not_shown_yet_is_waited_for():
    assert wait(make_context(), None, None, None, None, None, Seen("done")).state == "done"


def test_what_is_gone_has_failed():
    with pytest.raises(ActionFailedError, match="was there and is gone"):
        wait(make_context(), Seen("copying"), None)
    assert wait(make_context(), Seen("copying"), None, None, Seen("done")).state == "done"


def test_a_terminal_state_fails_at_once_with_its_reason():
    context = make_context()
    with pytest.raises(ActionFailedError, match="copy is failed, which does not end by itself: no space") as failed:
        wait(context, Seen("copying"), Seen("failed", detail="no space"))
    assert failed.value.hint == "retry"
    assert context.clock.monotonic() <= 11


def test_no_answer_and_throttling_are_looked_past():
    bad = [ServiceUnreachableError("no answer"), aws_error("ThrottlingException")]
    context = make_context()
    assert wait(context, Seen("copying"), *bad, *bad, Seen("done")).state == "done"
    assert "copy: AWS does not answer, looking again, 10s" in context.progress_texts


def test_other_errors_are_not_looked_past():
    with pytest.raises(AwsError, match="AccessDenied"):
        wait(make_context(), Seen("copying"), aws_error("AccessDenied"))


def test_its_own_deadline_ends_a_wait_in_doubt():
    context = make_context()
    with pytest.raises(DeadlineError, match="copy: not done after 2m, last seen: 43 %, copying"):
        wait(context, Seen("copying", 43))
    assert context.clock.monotonic() == pytest.approx(120)


def test_the_steps_timeout_ends_a_wait_too():
    context = make_context(timeout=30)
    with pytest.raises(DeadlineError, match="last seen: copying"):
        wait(context, Seen("copying"), params=PolledParams(region="eu-west-1", poll="10s"))


def test_a_deletion_is_waited_for():
    context = make_context()
    wait_gone(POLLED, context, looks(Seen("deleting"), ServiceUnreachableError("no answer"), None), what="copy")
    assert len(context.progress_texts) == 2
    with pytest.raises(DeadlineError, match="last seen: deleting"):
        wait_gone(POLLED, make_context(), looks(Seen("deleting")), what="copy")
