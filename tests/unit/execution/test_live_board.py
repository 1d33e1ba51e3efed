"""What attempts put out is shown while they run: late enough, seldom enough, without secrets, and in nobody's way."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.attempts import NoParams, try_it
from support.orders import an_order
from support.simulation import VirtualClock

from runbook_engine.app.clock import SystemClock
from runbook_engine.execution.capture import Capture
from runbook_engine.execution.live_board import FIRST, LOOK, MOST, SLOWEST, LiveBoard
from runbook_engine.model.errors import JournalUnavailableError
from runbook_engine.model.outcome import Outcome, satisfied
from runbook_engine.ports.action import Action
from runbook_engine.secrets.redaction import REDACTED, SecretRedactor

ORDER = an_order()


class Place:
    """A board with a clock that stands, and where what it shows arrives."""

    def __init__(self, redactor=None, limit=1 << 20):
        self.clock = VirtualClock()
        self.redactor = redactor or SecretRedactor()
        self.tails, self.tries, self.writes, self.said, self.warned = {}, 0, 0, [], []
        self.problem = None
        self.board = LiveBoard(self.show, self.warned.append, clock=self.clock, by_itself=False)
        self.capture = Capture(limit, self.redactor, lambda: self.board.begin(ORDER, self.capture, self.said.append))

    def show(self, tails):
        self.tries += 1
        if self.problem:
            raise self.problem
        self.writes += 1
        self.tails |= {(one.number, one.stream): (one.data, one.total) for one in tails}

    def after(self, seconds):
        self.clock.seconds += seconds
        return self.board.look()


def test_what_ends_at_once_is_never_shown():
    place = Place()
    place.capture.add("stdout", b"done\n")
    place.after(FIRST - 0.1)
    place.board.end(ORDER, place.capture)
    place.capture.add("stdout", b"a thread that was left says more\n")
    place.board.said(ORDER, place.capture, "and more")
    place.after(60)
    assert (place.tails, place.said) == ({}, [])


def test_what_goes_on_is_shown_as_it_comes_and_only_when_there_is_something_new():
    place = Place()
    place.capture.add("stdout", b"one\n")
    place.after(FIRST)
    assert place.tails == {(1, "stdout"): (b"one\n", 4)}
    place.after(LOOK)
    place.after(LOOK)
    assert place.writes == 1
    place.capture.add("stdout", b"two\n  \n")
    place.capture.add("stderr", b"careful\n")
    place.after(LOOK)
    assert place.tails == {(1, "stdout"): (b"one\ntwo\n  \n", 11), (1, "stderr"): (b"careful\n", 8)}
    assert place.said == ["one", "two"]


def test_however_much_comes_little_is_written():
    place = Place(limit=20_000)
    for _ in range(2000):
        place.capture.add("stdout", b"x" * 99 + b"\n")
        place.after(0.1)
    data, total = place.tails[1, "stdout"]
    assert total > 190_000
    assert len(data) <= MOST
    assert data.startswith(b"x" * 99), "it begins with a line"
    assert place.writes < 2000 * 0.1 / LOOK
    before = place.writes
    place.after(3600)
    for _ in range(60):
        place.capture.add("stdout", b"y\n")
        place.after(1)
    assert place.writes - before <= 60 / SLOWEST + 2


def test_a_store_that_is_slow_is_written_seldom():
    place = Place()
    slow = LiveBoard(lambda _: place.clock.sleep(0.2), print, clock=place.clock, by_itself=False)
    slow.begin(ORDER, place.capture, place.said.append)
    place.capture.add("stdout", b"x")
    place.clock.seconds += FIRST
    assert slow.look() == pytest.approx(4.0)


def test_a_store_that_is_away_is_tried_again_later_and_said_once():
    place = Place()
    place.problem = JournalUnavailableError("the database is away")
    place.capture.add("stdout", b"50 %")
    for number in range(600):
        place.board.begin(an_order(task=f"{number}@h"), place.capture, place.said.append)
        place.after(LOOK)
    assert place.tries < 20
    assert place.warned == ["what tasks put out can't be shown to others for the moment: the database is away"]
    place.problem = None
    for _ in range(70):
        place.after(LOOK)
    assert place.tails == {(1, "stdout"): (b"50 %", 4)}, "although nothing new came since"
    place.problem = RuntimeError("a defect")
    place.capture.add("stdout", b" 60 %")
    place.after(5)
    assert place.warned[1:] == ["what tasks put out can't be shown to others for the moment: RuntimeError: a defect"]


@pytest.mark.parametrize("junk", [b"\xff\xfe\x00\x1b[31m", "é€😀".encode() * 3000, b"\x80" * 9000, b"a\r50%\r60%"])
def test_characters_are_whole_and_junk_is_only_bytes(junk):
    place = Place()
    for at in range(0, len(junk), 7):
        place.capture.add("stdout", junk[at : at + 7])
        shown, _ = place.capture.tail("stdout", MOST)
        assert len(shown) <= MOST
        if "😀".encode() in junk:
            assert set(shown.decode()) <= set("é€😀")
    place.after(FIRST)
    assert all("\n" not in line and "\r" not in line for line in place.said)


def test_the_beginning_of_a_character_waits_for_its_end():
    place = Place()
    place.capture.add("stdout", "50 €".encode()[:-1])
    assert place.capture.tail("stdout", MOST) == (b"50 ", 3)
    place.capture.add("stdout", "50 €".encode()[-1:])
    assert place.capture.tail("stdout", MOST) == ("50 €".encode(), 6)


SECRETS = st.lists(st.text(alphabet="ab/é", min_size=4, max_size=9), min_size=1, max_size=4)
PARTS = st.lists(st.text(alphabet="ab/é", max_size=12), max_size=8)


@given(SECRETS, PARTS, st.lists(st.integers(min_value=1, max_value=7), min_size=1, max_size=30))
def test_at_no_moment_anything_is_shown_that_the_record_leaves_out(secrets, parts, cuts):
    redactor = SecretRedactor(secrets)
    whole = "".join(part + secrets[i % len(secrets)] for i, part in enumerate(parts)).encode()
    capture, rest = Capture(1 << 20, redactor), whole
    for size in [*cuts, len(whole)]:
        if rest:
            capture.add("stdout", rest[:size])
        rest = rest[size:]
        shown, until = capture.tail("stdout", 1 << 20)
        assert until == len(shown), "nothing stands before it, and what is left out is not counted"
        assert redactor.data(whole).startswith(shown)
    assert capture.streams().get("stdout", b"") == redactor.data(whole)


@given(st.text(alphabet="abc", min_size=6, max_size=12), st.integers(min_value=0, max_value=60), st.booleans())
def test_a_secret_at_either_end_of_what_is_shown_is_not_seen_in_part(secret, before, known_late):
    redactor = SecretRedactor([] if known_late else [secret])
    capture = Capture(64, redactor)
    for byte in ("-" * before + secret + "=" * 40 + secret[:-1]).encode():
        capture.add("stdout", bytes([byte]))
    redactor.add(secret)
    shown = capture.tail("stdout", 48)[0].decode()
    for length in range(3, len(secret)):
        assert secret[:length] not in shown.replace(REDACTED, "")
        assert secret[-length:] not in shown.replace(REDACTED, "")


def test_a_long_secret_does_not_hold_back_what_is_none():
    key = "-----BEGIN KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 50
    place = Place(SecretRedactor([key]))
    place.capture.add("stdout", b"line 1\n")
    place.after(FIRST)
    assert place.tails[1, "stdout"][0] == b"line 1\n"
    place.capture.add("stdout", b"line 2: " + key[:1000].encode())
    place.after(LOOK)
    assert place.tails[1, "stdout"][0] == b"line 1\nline 2: "
    place.capture.add("stdout", key[1000:].encode() + b"!\n")
    place.after(LOOK)
    assert place.tails[1, "stdout"][0] == f"line 1\nline 2: {REDACTED}!\n".encode()


class Talks(Action[NoParams]):
    """An action that puts something out, says something of itself, and takes a while."""

    name = "test.talks"
    Params = NoParams

    def __init__(self, place):
        self._place = place

    def check(self, params, context):
        context.output("stdout", b"the password is hunter22\n")
        context.progress("halfway, hunter22")
        self._place.after(FIRST)
        return satisfied("")


@pytest.mark.parametrize("sensitive", [False, True])
@pytest.mark.parametrize("look", [False, True])
def test_an_attempt_shows_what_it_says_but_a_sensitive_one_and_a_mere_look(sensitive, look):
    place = Place()
    redactor = SecretRedactor(["hunter22"])
    report = try_it(
        Talks(place), clock=place.clock, redactor=redactor, board=place.board,
        sensitive=sensitive, look=look,
    )  # fmt: skip
    assert report.outcome is Outcome.UNCHANGED
    shown = {stream: data for (_, stream), (data, _) in place.tails.items()}
    clean = {"stdout": b"the password is [redacted]\n", "progress": b"halfway, [redacted]"}
    assert shown == ({} if sensitive or look else clean)
    before = dict(place.tails)
    place.after(60)
    assert place.tails == before, "it ended"


def test_the_thread_looks_by_itself_and_ends():
    came = threading.Event()
    board = LiveBoard(lambda _: came.set(), print, clock=SystemClock())
    capture = Capture(1000, SecretRedactor(), lambda: board.begin(ORDER, capture, lambda _: None))
    capture.add("stdout", b"x")
    assert came.wait(60)
    board.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "live output"]
