"""notify.email against a real mail server, sql.verify against a real database."""

import email
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from email import policy

import pytest

from runbook_engine.actions.notify_email import NotifyEmail
from runbook_engine.actions.sql_verify import SqlVerify
from runbook_engine.connections.mail import SmtpMailer
from runbook_engine.connections.sql import AlchemyDatabase
from runbook_engine.lab.mail import Mailbox, MailServer
from runbook_engine.sdk import ActionFailedError, Mode, ReadOnlyError, RunbookError, ServiceUnreachableError
from runbook_engine.testing import ManualClock, MemoryMailer
from runbook_engine.testing.context import RUN


@pytest.fixture
def sink(tmp_path):
    server = MailServer(Mailbox(tmp_path / "mail"))
    server.start()
    yield server
    server.stop()


def received(sink):
    """Give recipients and message of everything that came in, in order."""
    log = sink.mailbox.folder / "log.ndjson"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [
        (line["to"], email.message_from_bytes((sink.mailbox.folder / line["file"]).read_bytes(), policy=policy.default))
        for line in lines
    ]


def letter(sink, *to):
    return {
        "smtp": {"host": "127.0.0.1", "port": sink.address[1], "tls": "none"},
        "sender": "Bücher Support <support@books.example>",
        "to": list(to),
        "subject": "Wir ziehen um: Größe",
        "body": "Gleich wieder da.\n.\nEnde\n",
        "html": "<p>Gleich wieder da.</p>",
    }


def mailing(real):
    return real(mail=SmtpMailer(read_only=False))


def test_each_recipient_gets_a_message_of_its_own(real, sink):
    action = NotifyEmail()
    params = action.Params.model_validate(letter(sink, "a@example.com", "Böb <b@example.com>"))
    context = mailing(real)
    applied = action.apply(params, context)
    messages = received(sink)
    assert [recipients for recipients, _ in messages] == [["a@example.com"], ["b@example.com"]]
    _, message = messages[1]
    assert message["Subject"] == "Wir ziehen um: Größe"
    assert message["X-DR-Run"] == "run-1"
    assert message["Message-ID"] == applied.outputs["message_ids"]["b@example.com"]
    assert message.get_body(("plain",)).get_content().splitlines() == ["Gleich wieder da.", ".", "Ende"]
    assert applied.outputs["accepted"] == ["a@example.com", "b@example.com"]


def test_a_drill_says_so_in_the_subject_and_in_every_body(real, sink):
    action = NotifyEmail()
    pages = ["<p>Gleich.</p>", "<html><BODY class=x><p>Gleich.</p></BODY></html>"]
    drill = RUN.model_copy(update={"mode": Mode.DRILL})
    for page in pages:
        params = action.Params.model_validate({**letter(sink, "a@example.com"), "html": page})
        action.apply(params, real(mail=SmtpMailer(read_only=False), run=drill, sandbox=["d@example.com"]))
    messages = [message for _, message in received(sink)]
    assert {message["Subject"] for message in messages} == {"DRILL, not real: Wir ziehen um: Größe"}
    for message in messages:
        assert message.get_body(("plain",)).get_content().splitlines()[:3:2] == [
            "DRILL, not real.",
            "Gleich wieder da.",
        ]
    shown = [message.get_body(("html",)).get_content().strip() for message in messages]
    assert shown[0].startswith("<p><strong>DRILL, not real.</strong></p><p>Gleich")
    assert shown[1].startswith("<html><BODY class=x><p><strong>DRILL, not real.</strong></p><p>Gleich")


def test_the_same_attempt_gives_the_same_message_id_and_another_run_another(real, sink):
    action = NotifyEmail()
    params = action.Params.model_validate(letter(sink, "a@example.com"))
    context = mailing(real)
    first, again = action.apply(params, context), action.apply(params, context)
    other = mailing(real)
    other.run = other.run.model_copy(update={"token": "f" * 64})
    assert first.outputs == again.outputs
    assert action.apply(params, other).outputs != first.outputs


def test_partial_refusal_says_who_got_it_and_who_did_not(real, sink):
    sink.mailbox.refuse("bad@example.com", 550)
    action = NotifyEmail()
    params = action.Params.model_validate(letter(sink, "a@example.com", "bad@example.com", "c@example.com"))
    with pytest.raises(
        ActionFailedError, match=r"accepted: a@example.com, c@example.com; refused: bad@example.com \(.+\)"
    ) as failed:
        action.apply(params, mailing(real))
    assert failed.value.for_good, "550 stays 550"
    assert [recipients for recipients, _ in received(sink)] == [["a@example.com"], ["c@example.com"]]


def test_retry_mails_only_those_who_have_it_not_yet(real, sink):
    sink.mailbox.refuse("bad@example.com", 450)
    action = NotifyEmail()
    params = action.Params.model_validate(letter(sink, "a@example.com", "bad@example.com", "c@example.com"))
    with pytest.raises(ActionFailedError) as failed:
        action.apply(params, mailing(real))
    assert not failed.value.for_good, "450 may pass"
    assert failed.value.outputs["accepted"] == ["a@example.com", "c@example.com"]

    corrected = action.Params.model_validate(letter(sink, "A@example.com", "good@example.com", "c@example.com"))
    again = mailing(real).with_recorded(failed.value.outputs)
    assert "good@example.com" in action.check(corrected, again).changes[0].after
    assert "A@example.com" not in action.check(corrected, again).changes[0].after
    outputs = action.apply(corrected, again).outputs
    assert [recipients for recipients, _ in received(sink)] == [
        ["a@example.com"],
        ["c@example.com"],
        ["good@example.com"],
    ]
    assert outputs["accepted"] == ["a@example.com", "c@example.com", "good@example.com"]
    assert list(outputs["message_ids"]) == outputs["accepted"]
    assert outputs["refused"] == {}


def test_when_nobody_was_reached_there_is_nothing_to_remember(real, sink):
    sink.mailbox.refuse("bad@example.com", 550)
    action = NotifyEmail()
    params = action.Params.model_validate(letter(sink, "bad@example.com"))
    with pytest.raises(ActionFailedError) as failed:
        action.apply(params, mailing(real))
    assert failed.value.outputs == {}


def failing(real, sink, mailer, **hands):
    """Mail to three with this mailer; gives the error."""
    action = NotifyEmail()
    params = action.Params.model_validate(letter(sink, "a@example.com", "b@example.com", "c@example.com"))
    with pytest.raises(RunbookError) as failed:
        action.apply(params, real(mail=mailer, **hands))
    return failed.value


def test_connection_that_breaks_keeps_who_was_accepted(real, sink):
    error = failing(real, sink, MemoryMailer(breaks_at=2))
    assert isinstance(error, ServiceUnreachableError)
    assert error.outputs["accepted"] == ["a@example.com"]
    assert "unknown: b@example.com; not tried: c@example.com" in error.message


class ThirdRefused(MemoryMailer):
    """Refuses the third message as a whole."""

    def send(self, server, message, recipients, *, timeout):
        if len(self.sent) == 2:
            raise RunbookError("the message was refused: 451 try later")
        return MemoryMailer.send(self, server, message, recipients, timeout=timeout)


def test_message_that_is_refused_keeps_who_was_accepted(real, sink):
    error = failing(real, sink, ThirdRefused())
    assert isinstance(error, ActionFailedError)
    assert error.outputs["accepted"] == ["a@example.com", "b@example.com"]
    assert "451 try later; not sent: c@example.com" in error.message


class Slow(MemoryMailer):
    """Takes a minute for each message."""

    clock = None

    def send(self, server, message, recipients, *, timeout):
        self.clock.advance(60.0)
        return MemoryMailer.send(self, server, message, recipients, timeout=timeout)


def test_time_that_is_over_keeps_who_was_accepted(real, sink):
    slow = Slow()
    slow.clock = ManualClock(datetime.now(UTC))
    error = failing(real, sink, slow, clock=slow.clock, timeout=100.0)
    assert isinstance(error, ActionFailedError)
    assert error.outputs["accepted"] == ["a@example.com", "b@example.com"]
    assert "not tried: c@example.com" in error.message


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "reviews.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE reviews (id INTEGER PRIMARY KEY, created_at TEXT)")
        rows = [(datetime.now(UTC).isoformat(),)] * 500
        connection.executemany("INSERT INTO reviews (created_at) VALUES (?)", rows)
    connection.close()
    return f"sqlite:///{path}"


def look(context, **params):
    action = SqlVerify()
    return action.check(action.Params.model_validate(params), context)


@pytest.fixture
def querying(real):
    context = real()

    def open_database(url):
        return AlchemyDatabase(url, read_only=True)

    class Context(type(context)):
        def sql(self, url):
            return open_database(url)

    return Context(clock=context.clock)


def test_counts_and_freshness(querying, database):
    checks = [{"name": "newest", "query": "SELECT max(created_at) FROM reviews", "max_age": "1m"}]
    finding = look(querying, url=database, tables={"reviews": {"rows": {"min": 500, "max": 500}}}, checks=checks)
    assert finding.satisfied, finding.summary
    finding = look(querying, url=database, tables={"reviews": {"rows": {"min": 501}}})
    assert finding.summary == "rows of reviews: is 500, less than 501"


def test_missing_table_is_told_in_the_databases_own_words(querying, database):
    with pytest.raises(RunbookError, match=r"rows of none: .*no such table: none"):
        look(querying, url=database, tables={"none": {"rows": {"min": 1}}})


def test_statement_that_writes_is_refused(querying, database):
    with pytest.raises(RunbookError) as caught:
        look(querying, url=database, checks=[{"query": "DELETE FROM reviews", "equals": 0}])
    assert isinstance(caught.value, ReadOnlyError) or "read" in caught.value.message
    assert look(querying, url=database, tables={"reviews": {"rows": {"min": 500}}}).satisfied


def test_texts_come_from_template_files_as_the_engine_rendered_them(real, sink):
    action = NotifyEmail()
    written = {key: value for key, value in letter(sink, "a@example.com").items() if key not in {"body", "html"}}
    params = action.Params.model_validate({**written, "body_template": "m/a.txt", "html_template": "m/a.html"})
    files = {"m/a.txt": b"Hello {{ name }}", "m/a.html": b"<p>{{ name }}</p>"}
    context = real(
        mail=SmtpMailer(read_only=False), project=files, renderer=lambda text: text.replace("{{ name }}", "Dana")
    )
    assert "Hello Dana" in action.check(params, context).changes[0].after
    action.apply(params, context)
    _, message = received(sink)[0]
    assert message.get_body(("plain",)).get_content().strip() == "Hello Dana"
    assert message.get_body(("html",)).get_content().strip() == "<p>Dana</p>"


@pytest.mark.parametrize(
    "more", [{}, {"body": "x", "body_template": "y"}, {"body": "x", "html": "y", "html_template": "z"}]
)
def test_a_text_has_one_source(sink, more):
    written = {key: value for key, value in letter(sink, "a@example.com").items() if key not in {"body", "html"}}
    with pytest.raises(ValueError, match=r"exactly one of body|html or html_template"):
        NotifyEmail.Params.model_validate({**written, **more})
