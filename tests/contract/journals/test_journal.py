"""What every journal promises, whatever it is stored in."""

import hashlib
import json
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runbook_engine.journals.holder import this_process
from runbook_engine.model.errors import ExitCode, JournalError, LeaseError
from runbook_engine.model.event import (
    EVENT,
    Actor,
    AttemptFinished,
    AttemptStarted,
    LeaseLost,
    LeaseTaken,
    MessageDue,
    MessageFailed,
    MessageSaid,
    MessageSent,
    MessageShown,
    NoteAdded,
    RecoveryPointUsed,
    RunClosed,
    RunPaused,
    TaskResolved,
)
from runbook_engine.model.outcome import Change, Outcome, unsatisfied
from runbook_engine.ports.journal import Holder

ELSEWHERE = Holder(host="elsewhere.example", boot="another-boot", pid=1, started=1, user="erin")


def finished(task, data, number=1):
    digest = {stream: hashlib.sha256(content).hexdigest() for stream, content in data.items()}
    return AttemptFinished(task=task, number=number, outcome=Outcome.CHANGED, output_digest=digest)


def test_what_was_hashed_is_given_to_the_letter(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    journal.append("r1", [NoteAdded(text='Ünïcode \u2028 and "quotes"')], actor)
    stored = list(journal.read("r1"))
    texts = list(journal.sealed("r1"))
    hashes = [
        hashlib.sha256((one.previous + text).encode()).hexdigest() for one, text in zip(stored, texts, strict=True)
    ]
    assert hashes == [one.hash for one in stored]
    assert json.loads(texts[1])["event"]["text"] == 'Ünïcode \u2028 and "quotes"'
    with pytest.raises(JournalError):
        list(journal.sealed("no-such-run"))


def test_events_come_back_in_order_exactly_as_appended(journal, opening, actor):
    first = journal.open_run("r1", opening, actor)
    said = [
        AttemptStarted(task="restore@db1", number=1, token="t"),
        AttemptFinished(
            task="restore@db1",
            number=1,
            outcome=Outcome.FAILED,
            finding=unsatisfied("not there", changes=({"what": "x", "after": [1, {"a": None}]},)),
            outputs={"nested": {"list": [1, 2.5, True, "ünï\u0000cöde \u202e"]}, "big": 2**70},
            error="boom",
        ),
        MessageSaid(text="soon {{ 1 }}", audiences=("customers",)),
        MessageSent(audience="customers", sequence=1, channel="x", recipients=("a@b.c",), refused={"d@e.f": "550"}),
        MessageFailed(audience="customers", sequence=1, channel="x", recorded={"accepted": ["a@b.c"]}),
        MessageShown(audience="customers", what="first", channel="x", changes=(Change(what="mail", after="t"),)),
        MessageDue(audience="customers", sequence=1, due_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)),
        RunClosed(status="failed", rta=12.5, counts={Outcome.FAILED: 1}),
    ]
    stored = journal.append("r1", said, actor)
    assert [each.event for each in stored] == said
    assert list(journal.read("r1")) == [first, *stored]
    assert [each.seq for each in journal.read("r1")] == [*range(1, 2 + len(said))]
    assert list(journal.read("r1", after=3)) == stored[2:]
    assert list(journal.read("r1", after=len(stored) + 1)) == []


def test_each_event_is_chained_to_the_one_before(journal, opening, actor):
    first = journal.open_run("r1", opening, actor)
    second, third = journal.append("r1", [NoteAdded(text="a"), NoteAdded(text="b")], actor)
    assert first.previous == hashlib.sha256(b"r1").hexdigest()
    assert (second.previous, third.previous) == (first.hash, second.hash)
    assert journal.head("r1").head_hash == third.hash
    assert journal.verify() == []


def test_the_hash_is_what_the_format_says(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    (stored,) = journal.append("r1", [NoteAdded(text='quote " and ü')], actor)
    time = stored.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    text = (
        '{"actor":{"host":"laptop","kind":"person","name":"dana","os_user":"dana"},'
        '"event":{"kind":"note.added","text":"quote \\" and ü"},"run":"r1","seq":2,"time":"' + time + '"}'
    )
    assert stored.hash == hashlib.sha256((stored.previous + text).encode()).hexdigest()


def test_a_run_is_tied_to_the_one_opened_before_it(journal, opening, actor):
    first = journal.open_run("r1", opening, actor)
    second = journal.open_run("r2", opening, actor)
    assert (first.event.previous_run, first.event.previous_hash) == (None, None)
    assert (second.event.previous_run, second.event.previous_hash) == ("r1", first.hash)
    assert [head.number for head in journal.runs()] == [2, 1]


def test_a_run_is_opened_once_and_by_its_own_event(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    with pytest.raises(JournalError, match="already has a run r1"):
        journal.open_run("r1", opening, actor)
    with pytest.raises(JournalError, match=r"must begin with run\.opened"):
        journal.open_run("r2", NoteAdded(text="x"), actor)
    with pytest.raises(JournalError, match="can't be opened again"):
        journal.append("r1", [opening], actor)
    assert [head.id for head in journal.runs()] == ["r1"]
    assert journal.open_run("r2", opening, actor).event.previous_run == "r1"
    assert journal.runs()[0].number == 2


def test_the_list_of_runs_tells_each_ones_state(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    journal.open_run("r2", opening, actor)
    journal.append("r1", [RunClosed(status="succeeded")], actor)
    second, first = journal.runs()
    assert (first.status, first.events, first.runbook, first.inventory, first.mode, first.operator) == (
        "succeeded", 2, "region-failover", "demo", "live", "dana",
    )  # fmt: skip
    assert first.closed_at >= first.opened_at
    assert (second.status, second.closed_at) == ("open", None)
    assert [head.id for head in journal.runs(limit=1)] == ["r2"]
    assert journal.head("r1") == first
    assert journal.head("nowhere") is None


def test_runs_are_listed_page_by_page(journal, opening, actor):
    for number in range(1, 6):
        journal.open_run(f"r{number}", opening, actor)
    assert [head.id for head in journal.runs(limit=2)] == ["r5", "r4"]
    assert [head.id for head in journal.runs(limit=2, before=4)] == ["r3", "r2"]
    assert [head.id for head in journal.runs(before=3)] == ["r2", "r1"]
    assert journal.runs(limit=2, before=1) == []


def test_version_grows_with_the_run(journal, opening, actor):
    assert journal.version("r1") == 0
    journal.open_run("r1", opening, actor)
    assert journal.version("r1") == 1
    journal.append("r1", [NoteAdded(text="a"), NoteAdded(text="b")], actor)
    assert journal.version("r1") == 3


def test_nothing_appended_is_nothing_written(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    assert journal.append("r1", [], actor) == []
    assert journal.version("r1") == 1


def test_a_run_that_is_unknown_is_said_so(journal, actor):
    for call in (
        lambda: journal.append("r9", [NoteAdded(text="x")], actor),
        lambda: list(journal.read("r9")),
        lambda: journal.output("r9", "t", 1),
        lambda: journal.verify("r9"),
    ):
        with pytest.raises(JournalError, match="knows no run r9") as caught:
            call()
        assert caught.value.exit_code == ExitCode.JOURNAL


def test_a_finished_run_takes_notes_only(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    journal.append("r1", [RunClosed(status="succeeded")], actor)
    for event in (RunPaused(), LeaseTaken(holder="x", fence=1), RunClosed(status="failed")):
        with pytest.raises(JournalError, match=r"closed \(succeeded\)"):
            journal.append("r1", [event], actor)
    with pytest.raises(JournalError):
        journal.append("r1", [NoteAdded(text="kept out with the rest of its batch"), RunPaused()], actor)
    journal.append("r1", [NoteAdded(text="seen by the auditor"), LeaseLost(fence=1)], actor)
    assert journal.version("r1") == 4
    assert journal.head("r1").status == "succeeded"
    assert journal.verify() == []


def test_nothing_follows_the_end_within_a_batch_either(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    with pytest.raises(JournalError, match="closed"):
        journal.append("r1", [RunClosed(status="aborted"), RunPaused()], actor)
    assert journal.version("r1") == 1
    assert journal.head("r1").status == "open"


def test_a_failed_run_is_resumed_by_taking_its_lease(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    journal.append("r1", [RunClosed(status="failed")], actor)
    with pytest.raises(JournalError, match="closed") as caught:
        journal.append("r1", [RunPaused()], actor)
    assert "runbook resume r1" in caught.value.hint
    journal.append("r1", [LeaseTaken(holder="x", fence=2), RunPaused()], actor)
    assert (journal.head("r1").status, journal.head("r1").closed_at) == ("open", None)
    journal.append("r1", [RunClosed(status="succeeded")], actor)
    assert journal.head("r1").status == "succeeded"
    assert journal.verify() == []


def test_captured_output_comes_back_byte_for_byte(journal, opening, actor):
    data = {"stdout": b"\x00\xff\x1b[31m" * 1000, "stderr": b""}
    journal.open_run("r1", opening, actor)
    journal.append("r1", [finished("a@h", data)], actor, outputs={("a@h", 1): data})
    assert journal.output("r1", "a@h", 1) == data
    assert journal.output("r1", "a@h", 2) == {}
    assert journal.verify() == []


def test_output_without_its_digest_in_an_event_is_refused(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    with pytest.raises(ValueError, match="does not record the digest"):
        journal.append("r1", [NoteAdded(text="x")], actor, outputs={("a@h", 1): {"stdout": b"x"}})
    assert journal.version("r1") == 1


def test_output_of_an_attempt_is_never_replaced(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    journal.append("r1", [finished("a@h", {"stdout": b"1"})], actor, outputs={("a@h", 1): {"stdout": b"1"}})
    with pytest.raises(JournalError):
        journal.append("r1", [finished("a@h", {"stdout": b"2"})], actor, outputs={("a@h", 1): {"stdout": b"2"}})
    assert journal.output("r1", "a@h", 1) == {"stdout": b"1"}
    assert journal.version("r1") == 2


def test_missing_output_is_found(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    journal.append("r1", [finished("a@h", {"stdout": b"1"})], actor)
    (damage,) = journal.verify("r1")
    assert (damage.kind, damage.seq) == ("output", 2)


def test_what_json_cannot_say_is_recorded_with_replacements(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    odd = AttemptFinished(
        task="a@h", number=1, outcome=Outcome.CHANGED, error="a\ud800b", outputs={"n": float("nan"), "m": ["\udcff"]}
    )
    (stored,) = journal.append("r1", [odd], actor)
    assert stored.event.error == "a?b"
    assert stored.event.outputs == {"n": "nan", "m": ["?"]}
    assert list(journal.read("r1", after=1)) == [stored]


def test_deeply_nested_outputs_can_be_read_back(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    deep = "bottom"
    for _ in range(60):
        deep = {"a": [deep]}
    journal.append("r1", [AttemptFinished(task="a@h", number=1, outcome=Outcome.CHANGED, outputs={"d": deep})], actor)
    assert [event.event.outputs for event in journal.read("r1", after=1)] == [{"d": deep}]


def test_a_person_with_odd_names_can_still_speak(journal, opening):
    odd = Actor(name="d\udcffna\0", os_user="ü")
    journal.open_run("r1", opening, odd)
    assert journal.head("r1").operator == "d?na\N{REPLACEMENT CHARACTER}"
    assert journal.verify() == []
    assert len(list(journal.read("r1"))) == 1


def test_another_opening_of_the_journal_sees_all(open_again, opening, actor):
    one, two = open_again(), open_again()
    one.open_run("r1", opening, actor)
    two.append("r1", [NoteAdded(text="from two")], actor)
    one.append("r1", [NoteAdded(text="from one")], actor)
    assert [each.seq for each in two.read("r1")] == [1, 2, 3]
    assert one.verify() == two.verify() == []


def test_many_writers_at_once_lose_nothing(open_again, opening, actor):
    journals = [open_again() for _ in range(4)]
    journals[0].open_run("r1", opening, actor)
    failures = []

    def write(journal, name):
        try:
            for number in range(25):
                journal.append("r1", [NoteAdded(text=f"{name} {number}"), NoteAdded(text="and")], actor)
            journal.open_run(f"run-of-{name}", opening, actor)
        except Exception as error:  # noqa: BLE001  # told below, in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=write, args=(journal, str(index))) for index, journal in enumerate(journals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    texts = [stored.event.text for stored in journals[0].read("r1", after=1)]
    assert len(texts) == 200
    assert texts[1::2] == ["and"] * 100
    for name in range(4):
        assert [text for text in texts if text.startswith(f"{name} ")] == [f"{name} {number}" for number in range(25)]
    assert sorted(head.number for head in journals[0].runs()) == [1, 2, 3, 4, 5]
    assert journals[0].verify() == []


def test_a_lease_has_one_holder(journal):
    lease = journal.take_lease("r1", ELSEWHERE, 30)
    assert lease.fence == 1
    seen = journal.lease("r1")
    assert (seen.name, seen.holder, seen.fence) == ("r1", ELSEWHERE, 1)
    assert timedelta(seconds=25) < lease.expires_at - datetime.now(UTC) < timedelta(seconds=35)
    for asker in (ELSEWHERE, this_process()):
        with pytest.raises(LeaseError, match=r"erin@elsewhere.example \(pid 1\) until 2") as caught:
            journal.take_lease("r1", asker, 30)
        assert caught.value.exit_code == ExitCode.LEASED
        assert "--take-over" in caught.value.hint
    assert journal.take_lease("other", this_process(), 30).fence == 1


def test_the_fence_grows_with_every_taking_even_after_a_release(journal):
    lease = journal.take_lease("r1", ELSEWHERE, 30)
    journal.release_lease(lease)
    assert journal.lease("r1") is None
    second = journal.take_lease("r1", ELSEWHERE, 30)
    assert second.fence == 2
    assert journal.take_lease("r1", ELSEWHERE, 30, take_over=True).fence == 3
    assert journal.lease("nobody-took-it") is None


def test_a_lease_that_ended_is_free(journal):
    journal.take_lease("r1", ELSEWHERE, 0)
    assert journal.lease("r1") is None
    assert journal.take_lease("r1", this_process(), 30).fence == 2


def test_a_lease_can_be_renewed_until_somebody_took_it(journal):
    lease = journal.take_lease("r1", ELSEWHERE, 0)
    renewed = journal.renew_lease(lease, 60)
    assert renewed.fence == 1
    assert renewed.expires_at - lease.expires_at > timedelta(seconds=50)
    mine = journal.take_lease("r1", this_process(), 30, take_over=True)
    with pytest.raises(LeaseError, match="taken over by"):
        journal.renew_lease(renewed, 30)
    journal.release_lease(renewed)
    assert journal.lease("r1").fence == mine.fence
    journal.release_lease(mine)
    with pytest.raises(LeaseError, match="given back"):
        journal.renew_lease(mine, 30)


def test_the_lease_of_a_dead_process_is_free_at_once(journal):
    code = "from runbook_engine.journals.holder import this_process as p; h = p(); print(h.pid, h.started)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    pid, started = map(int, out.split())
    gone = replace(this_process(), pid=pid, started=started)
    journal.take_lease("r1", gone, 3600)
    assert journal.lease("r1") is None
    assert journal.take_lease("r1", this_process(), 30).fence == 2


def test_a_live_holder_on_this_machine_is_respected(journal):
    journal.take_lease("r1", this_process(), 3600)
    with pytest.raises(LeaseError):
        journal.take_lease("r1", ELSEWHERE, 30)
    assert journal.lease("r1") is not None


def test_a_writer_with_an_old_lease_writes_nothing(journal, opening, actor):
    old = journal.take_lease("r1", ELSEWHERE, 30)
    journal.open_run("r1", opening, actor, lease=old)
    journal.append("r1", [NoteAdded(text="mine")], actor, lease=old)
    new = journal.take_lease("r1", this_process(), 30, take_over=True)
    with pytest.raises(LeaseError, match="lost"):
        journal.append("r1", [NoteAdded(text="late")], actor, lease=old)
    with pytest.raises(LeaseError):
        journal.open_run("r2", opening, actor, lease=old)
    journal.append("r1", [NoteAdded(text="now mine")], actor, lease=new)
    journal.append("r1", [NoteAdded(text="a person's")], actor)
    assert [stored.event.text for stored in journal.read("r1", after=1)] == ["mine", "now mine", "a person's"]
    assert [head.id for head in journal.runs()] == ["r1"]


def test_a_lease_that_was_given_back_or_never_was_writes_nothing(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    lease = journal.take_lease("r1", ELSEWHERE, 30)
    journal.release_lease(lease)
    for stale in (lease, replace(lease, name="never-taken")):
        with pytest.raises(LeaseError):
            journal.append("r1", [NoteAdded(text="x")], actor, lease=stale)
    assert journal.version("r1") == 1


def test_a_holder_whose_time_is_over_may_write_until_somebody_took_the_lease(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    lease = journal.take_lease("r1", ELSEWHERE, 0)
    journal.append("r1", [NoteAdded(text="nobody else came")], actor, lease=lease)
    assert journal.version("r1") == 2


def test_of_many_who_come_at_once_one_gets_the_lease(open_again):
    journals = [open_again() for _ in range(6)]
    barrier = threading.Barrier(6)
    results = []

    def take(journal):
        barrier.wait()
        try:
            results.append(journal.take_lease("r1", ELSEWHERE, 30).fence)
        except LeaseError:
            results.append(None)

    threads = [threading.Thread(target=take, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results, key=str) == [1, None, None, None, None, None]


def test_every_kind_of_event_survives(journal, opening, actor):
    point = datetime(2026, 5, 6, tzinfo=UTC)
    journal.open_run("r1", opening, actor)
    event = RecoveryPointUsed(task="restore@db1", point=point)
    journal.append("r1", [event], actor)
    (stored,) = journal.read("r1", after=1)
    assert stored.event == EVENT.validate_json(event.model_dump_json())


@pytest.mark.parametrize("status", ["failed", "aborted"])
def test_the_truth_about_an_attempt_in_doubt_can_be_said_of_a_run_that_is_over(journal, opening, actor, status):
    journal.open_run("r1", opening, actor)
    doubt = AttemptFinished(task="mail@localhost", number=1, outcome=Outcome.FAILED, in_doubt=True)
    journal.append("r1", [doubt, RunClosed(status=status)], actor)
    journal.append("r1", [TaskResolved(task="mail@localhost", number=1, truth="done", reason="it is there")], actor)
    assert journal.head("r1").status == status
    assert journal.verify() == []
