"""A report says what the events say, finished or not."""

from datetime import timedelta

import pytest
from support.person_keys import make_key

from runbook_engine.app.readiness_steps import message_findings
from runbook_engine.model.event import (
    AnswerRefused,
    AttemptStarted,
    GateApproved,
    GateDeclined,
    GateExpired,
    GateOpened,
    HoldOpened,
    HoldResolved,
    LeaseTaken,
    ManualAnswered,
    MessageDue,
    MessageFailed,
    MessageMissed,
    MessageSent,
    MessageShown,
    NoteAdded,
    PlanAccepted,
    RecoveryPointUsed,
    RunClosed,
    StepSummary,
    TaskBlocked,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.outcome import Grade, Outcome, unsatisfied
from runbook_engine.model.signed_answer import sealed, statement
from runbook_engine.reporting.build import build_report
from runbook_engine.reporting.html import render_html
from runbook_engine.reporting.markdown import render_markdown
from runbook_engine.reporting.text import render_text
from runbook_engine.reporting.untold import untold


def task(report, name):
    return next(one for step in report.steps for one in step.tasks if one.id == name)


def test_an_empty_journal_gives_an_empty_report():
    report = build_report([])
    assert (report.run, report.status, report.tasks, report.steps) == ("", "running", 0, ())


def test_identity_comes_from_the_opening(story, begin):
    story.opened(
        [("a", 1)], title="Fail over", inputs={"region": "eu-west-1"}, git_commit="abc", plugins={"x": "1"}, note="n"
    )
    report = build_report(story.events, verified=True)
    assert (report.run, report.runbook, report.title, report.mode, report.inventory) == (
        "r-1", "region-failover", "Fail over", "live", "production",
    )  # fmt: skip
    assert (report.operator, report.host, report.inputs, report.git_commit) == (
        "dana",
        "laptop",
        {"region": "eu-west-1"},
        "abc",
    )
    assert (report.opened_at, report.closed_at, report.chain_verified) == (begin, None, True)
    assert (report.events, report.head_hash) == (1, story.events[-1].hash)


def test_steps_stand_in_the_plans_order_with_their_tasks(story):
    story.opened([("check", 1), ("deploy", 4), ("never", 2)])
    story.did("deploy[1]@web1").did("check@localhost", "unchanged").did("deploy[0]@web2", "failed", error="boom")
    report = build_report(story.events)
    assert [step.id for step in report.steps] == ["check", "deploy", "never"]
    assert [one.target for one in report.steps[1].tasks] == ["web1", "web2"]
    assert [step.outcome for step in report.steps] == [Outcome.UNCHANGED, Outcome.FAILED, None]
    assert report.counts == {Outcome.FAILED: 1, Outcome.CHANGED: 1, Outcome.UNCHANGED: 1}
    assert (report.tasks, report.pending) == (7, 4)
    assert task(report, "deploy[0]@web2").error == "boom"


def test_a_step_that_is_half_done_has_no_outcome_yet(story):
    story.opened([("deploy", 2)]).did("deploy@a")
    assert build_report(story.events).steps[0].outcome is None


def test_attempts_of_a_task_are_told_one_by_one(story, begin):
    story.opened([("a", 1)]).at(5).did("a@h", "failed", took=3, error="once").at(20).did("a@h", number=2, took=4)
    one = task(build_report(story.events), "a@h")
    assert [(line.number, line.outcome, line.error) for line in one.attempts] == [
        (1, "failed", "once"),
        (2, "changed", ""),
    ]
    assert one.attempts[1].started == begin + timedelta(seconds=20)
    assert (one.outcome, one.error, one.seconds) == (Outcome.CHANGED, "", 7)


@pytest.mark.parametrize(
    ("events", "state", "outcome", "reason"),
    [
        ([AttemptStarted(task="a@h", number=1, token="t")], "running", None, ""),
        ([TaskSkipped(task="a@h", reason="when is false")], "ended", "skipped", "when is false"),
        ([TaskBlocked(task="a@h", because="b failed")], "ended", "blocked", "b failed"),
        ([GateOpened(task="a@h", fingerprint="f")], "waiting", None, ""),
        ([GateOpened(task="a@h", fingerprint="f", quorum=2),
          GateApproved(task="a@h", person="x", role="r", fingerprint="f")], "waiting", None, ""),
        ([GateOpened(task="a@h", fingerprint="f"),
          GateApproved(task="a@h", person="x", role="r", fingerprint="f")], "ended", "unchanged", ""),
        ([GateDeclined(task="a@h", person="x", role="r", fingerprint="f", reason="no")], "ended", "failed", "no"),
        ([GateExpired(task="a@h")], "ended", "failed", "nobody answered in time"),
        ([ManualAnswered(task="a@h", passed=True, note="done")], "ended", "changed", "done"),
        ([ManualAnswered(task="a@h", passed=False)], "ended", "failed", ""),
        ([HoldOpened(task="a@h", reason="disk")], "held", None, "disk"),
        ([HoldOpened(task="a@h", reason="disk"), HoldResolved(task="a@h", decision="skip", reason="ok")], "ended", "skipped", "ok"),
        ([HoldOpened(task="a@h", reason="disk"), HoldResolved(task="a@h", decision="retry", reason="")], "pending", None, ""),
        ([TaskResolved(task="a@h", number=1, truth="done", reason="saw it")], "ended", "changed", "saw it"),
        ([TaskResolved(task="a@h", number=1, truth="retry")], "pending", None, ""),
    ],
)  # fmt: skip
def test_where_a_task_stands(story, events, state, outcome, reason):
    one = task(build_report(story.opened([("a", 1)]).say(*events).events), "a@h")
    assert (one.state, one.outcome, one.reason) == (state, outcome, reason)


def test_an_ignored_failure_stays_a_failure(story):
    story.opened([("a", 1)]).did("a@h", "failed").say(HoldOpened(task="a@h", reason="x"))
    story.say(HoldResolved(task="a@h", decision="ignore", reason="known"), RunClosed(status="succeeded"))
    report = build_report(story.events)
    assert task(report, "a@h").outcome == Outcome.FAILED
    assert [(one.kind, one.what, one.reason) for one in report.deviations] == [
        ("ignore", "a@h", "known"), ("tolerated", "a@h", "known"),
    ]  # fmt: skip


def test_what_is_in_doubt_is_named(story):
    story.opened([("a", 1), ("b", 1)]).did("a@h", "failed", in_doubt=True)
    story.say(AttemptStarted(task="b@h", number=1, token="t"))
    assert build_report(story.events).in_doubt == ("a@h",), "b may still run"
    story.say(RunClosed(status="failed"))
    assert build_report(story.events).in_doubt == ("a@h", "b@h")
    story.say(TaskResolved(task="a@h", number=1, truth="done"))
    assert build_report(story.events).in_doubt == ("b@h",)


def test_the_status_tells_whether_anybody_is_waited_for(story):
    story.opened([("a", 1), ("b", 1)])
    assert build_report(story.events).status == "running"
    story.say(GateOpened(task="a@h", fingerprint="f"))
    assert build_report(story.events).status == "waiting"
    story.say(AttemptStarted(task="b@h", number=1, token="t"))
    assert build_report(story.events).status == "running"
    story.say(RunClosed(status="failed"))
    assert build_report(story.events).status == "failed"
    story.say(LeaseTaken(holder="x", fence=2))
    assert build_report(story.events).status == "running", "a resumed run is open again"


def test_approvals_say_who_from_where_and_for_which_plan(story, dana):
    story.opened([("declare", 1)]).at(10).say(
        GateOpened(task="declare@h", roles=("director",), quorum=2, message="Declare?", fingerprint="f1")
    )
    story.say(AnswerRefused(task="declare@h", person="eve", reason="has no role"), by=dana)
    story.say(GateApproved(task="declare@h", person="dana", role="director", reason="yes", fingerprint="f1"), by=dana)
    (gate,) = build_report(story.events).gates
    assert (gate.state, gate.roles, gate.quorum, gate.message) == ("waiting", ("director",), 2, "Declare?")
    assert [(one.said, one.person, one.by.host, one.signed) for one in gate.answers] == [
        ("refused", "eve", "laptop", False), ("approved", "dana", "laptop", False),
    ]  # fmt: skip
    story.say(GateApproved(task="declare@h", person="d2", role="director", fingerprint="f1"))
    report = build_report(story.events)
    assert report.gates[0].state == "approved"
    assert [one.kind for one in report.deviations] == ["refused"]


def test_a_signed_approval_is_told_as_signed_and_a_void_one_as_refused(story, begin, tmp_path):
    key, foreign = make_key(tmp_path), make_key(tmp_path, name="foreign")
    opened = GateOpened(
        task="declare@h", roles=("director",), fingerprint="f1", signed=True, signers={"dana": (key.fingerprint,)}
    )
    story.opened([("declare", 1)]).at(10).say(opened)
    run = story.events[0].run
    answer = GateApproved(task="declare@h", person="dana", role="director", fingerprint="f1")
    for signer in (None, foreign, key):
        text = statement(run, opened, answer, begin)
        signature = sealed(text, begin, signer.sign(text.encode())) if signer else None
        story.say(answer.model_copy(update={"signature": signature}))
    report = build_report(story.events)
    assert [(one.said, one.signed) for one in report.gates[0].answers] == [
        ("refused", False), ("refused", False), ("approved", True),
    ]  # fmt: skip
    assert report.gates[0].state == "approved"
    assert build_report(story.events[:-1]).gates[0].state == "waiting"
    assert build_report(story.events[:-1]).clocks.decided is None


def test_messages_owed_sent_and_missed(story, begin):
    due = begin + timedelta(minutes=30)
    story.opened([("a", 1)]).say(*(MessageDue(audience="customers", sequence=n, due_at=due) for n in (1, 2)))
    story.at(60).say(MessageSent(audience="customers", sequence=1, channel="email", recipients=("a@x",)))
    story.say(MessageSent(audience="customers", sequence=1, channel="status page"))
    story.say(MessageMissed(audience="customers", sequence=2, reason="server away"))
    first, second = build_report(story.events).messages
    assert (first.channel, first.recipients, first.due_at, first.missed) == ("email, status page", ("a@x",), due, "")
    assert (second.sent_at, second.missed) == (None, "server away")


def test_who_was_told_nothing_needs_attention(story, begin):
    due = begin + timedelta(minutes=30)
    story.opened([("a", 1)]).say(*(MessageDue(audience="customers", sequence=n, due_at=due) for n in (1, 2)))
    story.say(MessageMissed(audience="customers", sequence=2, reason="nobody has a mail address"))
    told = "not told     customers  was told nothing: every promised message was missed: nobody has a mail address"
    report = build_report(story.events)
    assert told in render_text(report)
    assert "was told nothing: every promised message was missed" in render_markdown(report)
    assert "<td>was told nothing: every promised message was missed: nobody has a mail address</td>" in render_html(
        report
    )
    story.say(MessageSent(audience="customers", sequence=1, channel="email", recipients=("a@x",)))
    assert "was told nothing" not in render_text(build_report(story.events))


def test_who_was_told_nothing_so_far_is_not_taken_for_told(story, begin):
    due = MessageDue(audience="customers", sequence=1, due_at=begin + timedelta(minutes=30))
    story.opened([("a", 1)]).say(due)
    assert list(untold(build_report(story.events))) == [], "it is on its way"
    story.say(MessageFailed(audience="customers", sequence=1, channel="notify.email", error="no route"))
    assert list(untold(build_report(story.events))) == [("customers", "was told nothing so far: no route")]
    other = MessageDue(audience="staff", sequence=1, due_at=begin)
    story.say(other, RunClosed(status="failed"))
    assert [who for who, _ in untold(build_report(story.events))] == ["customers", "staff"]


def test_a_message_that_a_dry_run_could_not_send_is_a_task_not_proven(story):
    story.opened([("a", 1)], mode="dry-run").did("a@h", outcome=Outcome.UNCHANGED, grade=Grade.PROVEN)
    story.say(
        MessageShown(audience="customers", what="first", channel="statuspage.incident", problem="TOKEN is not set")
    )
    report = build_report(story.events)
    assert (report.proof.total, report.proof.unproven) == (2, 1)
    assert "customers  first, statuspage.incident: could not be sent: TOKEN is not set" in render_text(report)
    (found,) = message_findings(report)
    assert (found.level, found.area) == ("missing", "message")


def test_every_deviation_is_told(story):
    story.opened([("a", 1)], skip={"notify": "drill"}, git_dirty=True).say(
        LeaseTaken(holder="h1", fence=1), LeaseTaken(holder="h2", fence=2, took_over=True),
        PlanAccepted(fingerprint="g", before="f", difference=("step a changed",), steps=(
            StepSummary(id="a", digest="e", tasks=3, targets_digest="t"),)),
        NoteAdded(text="cold"),
    )  # fmt: skip
    report = build_report(story.events)
    assert [one.kind for one in report.deviations] == ["skip", "files", "take-over", "plan"]
    assert [one.holder for one in report.holdings] == ["h1", "h2"]
    assert (report.fingerprint, report.tasks) == ("g", 3)
    assert [one.text for one in report.notes] == ["cold"]


def test_clocks_as_recorded_win_over_those_worked_out(story, begin):
    story.opened([("a", 1)], objectives={"rto": "1m", "rpo": "1h"}).at(10).did("a@h").say(
        RecoveryPointUsed(task="a@h", point=begin - timedelta(minutes=10))
    )
    story.say(RunClosed(status="succeeded"))
    report = build_report(story.events)
    assert (report.rta, report.rpa, report.rto, report.rpo) == (20, 600, 60, 3600)
    assert (report.rto_met, report.rpo_met) == (True, True)
    story.events.pop()
    story.say(RunClosed(status="succeeded", clocks=report.clocks, rta=99, rpa=9999))
    report = build_report(story.events)
    assert (report.rta, report.rpa, report.rto_met, report.rpo_met) == (99, 9999, False, False)


def test_a_dry_run_says_what_it_proved_and_claims_nothing_else(story):
    story.opened([("a", 2), ("b", 1), ("c", 1)], mode="dry-run")
    story.did("a@1", "unchanged", grade=Grade.PROVEN).did("a@2", "unchanged", grade=Grade.PROVEN)
    story.did("b@1", "would-change", grade=Grade.SIMULATED)
    proof = build_report(story.events).proof
    assert (proof.proven, proof.simulated, proof.unproven, proof.total, proof.percent) == (2, 1, 1, 4, 50)
    assert build_report(story.events).steps[0].grade == Grade.PROVEN


def test_a_hundred_percent_means_all(story):
    story.opened([("a", 1000)], mode="dry-run")
    for number in range(999):
        story.did(f"a@{number}", "unchanged", grade=Grade.PROVEN)
    assert build_report(story.events).proof.percent == 99


def test_captured_output_is_shown_in_excerpts_those_that_failed_first(story):
    digest = {"stdout": "d"}
    story.opened([("a", 300)])
    for number in range(300):
        story.did(f"a@{number}", "failed" if number == 299 else "changed", output_digest=digest)
    asked = []

    def outputs(name, number):
        asked.append((name, number))
        return {"stdout": b"\xffbegin" + b"x" * 100_000 + b"end"}

    report = build_report(story.events, outputs=outputs)
    assert len(asked) == 200
    assert ("a@299", 1) in asked
    shown = task(report, "a@299").captured["stdout"]
    assert shown.startswith("\ufffdbegin")
    assert shown.endswith("end")
    assert "bytes left out" in shown
    assert len(shown) < 5000


def test_the_timeline_holds_attempts_gates_messages_and_marks(story, begin):
    story.opened([("g", 1), ("a", 1)]).at(5).say(GateOpened(task="g@h", fingerprint="f"))
    story.at(9).say(GateApproved(task="g@h", person="x", role="r", fingerprint="f")).at(10).did("a@h", took=20)
    story.say(RunClosed(status="succeeded"))
    entries = [(one.kind, one.label, (one.at - begin).total_seconds()) for one in build_report(story.events).timeline]
    assert ("gate", "g@h", 5) in entries
    assert ("attempt", "a@h", 10) in entries
    assert {
        ("mark", "declared", 5),
        ("mark", "decided", 9),
        ("mark", "recovered", 30),
        ("mark", "verified", 30),
    } <= set(entries)
    assert [entry[2] for entry in entries] == sorted(entry[2] for entry in entries)


def test_changes_and_what_was_seen_come_from_the_last_finding(story):
    finding = unsatisfied("not there", changes=({"what": "dns", "before": "a", "after": "b"},))
    one = task(
        build_report(story.opened([("a", 1)], mode="dry-run").did("a@h", "would-change", finding=finding).events), "a@h"
    )
    assert (one.summary, [(c.what, c.before, c.after) for c in one.changes]) == ("not there", [("dns", "a", "b")])


def test_a_held_task_has_not_ended_and_then_has_as_it_failed(story):
    story.opened([("a", 1)]).did("a@h", "unreachable").say(HoldOpened(task="a@h", reason="x", outcome="unreachable"))
    assert build_report(story.events).counts == {}
    story.say(HoldResolved(task="a@h", decision="ignore", reason="known"))
    assert build_report(story.events).counts == {Outcome.UNREACHABLE: 1}
