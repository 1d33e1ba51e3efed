"""Runs that mail through a real server with a login: STARTTLS and TLS, refusals, broken ends, and no secret left over."""

import base64
from urllib.parse import quote

import pytest
from support.smtp import USER, MailHouse, MailRoom, certificate_for_loopback

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")  # aiosmtpd takes TLS from the start for none
BOOK = """\
runbook: tell
title: Tell people
steps:
  - id: mail
    on_failure: hold
    notify.email:
      smtp: {host: 127.0.0.1, port: @PORT@, tls: @TLS@, username: runbook, password: "{{ secret('env:SMTP_PASSWORD') }}"}
      sender: Support <support@example.com>
      to: [a@example.com, b@example.com, c@example.com]
      subject: We are moving
      body: Soon.
  - {id: after, needs: [mail], command.run: {argv: ["true"]}}
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificate_for_loopback(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def room():
    return MailRoom()


@pytest.fixture
def serve(runbook, room, certificate):
    """Start the mail server, and write the runbook that mails through it."""
    running = []

    def start(tls="starttls", asked=None, *, auth=True):
        running.append(MailHouse(room, tls=tls, context=certificate[0], auth=auth))
        runbook.write("runbooks/tell.yml", BOOK.replace("@PORT@", str(running[-1].port)).replace("@TLS@", asked or tls))

    yield start
    for house in running:
        house.close()


@pytest.fixture
def call(runbook, certificate):
    """Call `runbook` with a password, trusting the server's certificate."""

    def words(*given, password, status):
        done = runbook(*given, SMTP_PASSWORD=password, SSL_CERT_FILE=str(certificate[1]))
        assert done.status == status, done.out + done.err
        return done

    return words


def mail_task(runbook):
    report = runbook("report", "last", "--format", "json").json
    return next(step for step in report["steps"] if step["id"] == "mail")["tasks"][0]


def forms(password):
    """The password as it goes over the wire, and as it could come to stand in a file."""
    data = password.encode()
    logins = [data, f"\0{USER}\0{password}".encode(), base64.b64encode(data)]
    return [password.encode(), quote(password).encode(), *(base64.b64encode(one).rstrip(b"=") for one in logins)]


def nothing_left(runbook, password, *called):
    """Look through all that the runs left and said."""
    for kind in ("html", "md", "json", "junit"):
        called = (*called, runbook("report", "last", "--format", kind))
    called = (*called, runbook("audit", "log", "last", "--output", "ndjson"), runbook("status", "last"))
    texts = {
        f"{number} {name}": getattr(one, name).encode() for number, one in enumerate(called) for name in ("out", "err")
    }
    texts |= {str(path): path.read_bytes() for path in runbook.root.rglob("*") if path.is_file()}
    assert len(texts) > 12
    assert [name for name, text in texts.items() if any(form in text for form in forms(password))] == []


def recipients(room):
    return [to for to, _ in room.taken]


@pytest.mark.parametrize(("tls", "password"), [("starttls", "right-w0rd-of-this-test"), ("tls", "größer als ASCII")])
def test_mail_goes_out_encrypted_after_a_login(serve, room, call, runbook, tls, password):
    room.password = password
    serve(tls)
    dry = call("run", "tell", "--dry-run", password=room.password, status=0)
    assert (room.logins, room.taken) == ([], []), "a dry run asks the server nothing"
    done = call("run", "tell", "--yes", password=room.password, status=0)
    assert recipients(room) == [("a@example.com",), ("b@example.com",), ("c@example.com",)]
    assert room.logins == [(USER, room.password, True)] * 3
    assert mail_task(runbook)["outputs"]["accepted"] == ["a@example.com", "b@example.com", "c@example.com"]
    nothing_left(runbook, room.password, dry, done)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("password", ["wr0ng but long enough", "größer als ASCII"])
def test_a_wrong_password_is_said_and_never_shown(serve, room, call, runbook, tls, password):
    room.echo = True
    serve(tls)
    done = call("run", "tell", "--yes", password=password, status=4)
    assert room.taken == []
    assert "mail server 127.0.0.1" in done.err
    assert "login" in done.err
    assert "not sent: a@example.com" in done.err
    nothing_left(runbook, password, done)
    call("retry", "last", "mail", "--reason", "the right password now", password=room.password, status=0)
    again = call("resume", "--yes", password=room.password, status=0)
    assert len(room.taken) == 3
    nothing_left(runbook, password, done, again)
    nothing_left(runbook, room.password, again)


@pytest.mark.parametrize(
    ("tls", "asked", "said"),
    [("starttls", "starttls", "certificate"), ("tls", "tls", "certificate"), ("none", "starttls", "STARTTLS")],
)
def test_nobody_logs_in_where_the_line_is_not_safe(serve, room, runbook, tls, asked, said):
    serve(tls, asked)
    done = runbook("run", "tell", "--yes", SMTP_PASSWORD=room.password)
    assert done.status == 4, done.err
    assert said in done.err
    assert (room.logins, room.taken) == ([], [])
    nothing_left(runbook, room.password, done)


def test_each_recipient_has_a_record_of_its_own_and_who_has_it_gets_no_second(serve, room, call, runbook):
    room.refused = {"b@example.com": "550 5.1.1 no such mailbox"}
    serve()
    done = call("run", "tell", "--yes", password=room.password, status=4)
    assert "accepted: a@example.com, c@example.com; refused: b@example.com (550 5.1.1 no such mailbox)" in done.err
    room.refused = {}
    call("retry", "last", "mail", "--reason", "the mailbox is there now", password=room.password, status=0)
    call("resume", "--yes", password=room.password, status=0)
    assert recipients(room) == [("a@example.com",), ("c@example.com",), ("b@example.com",)]
    assert sorted(mail_task(runbook)["outputs"]["accepted"]) == ["a@example.com", "b@example.com", "c@example.com"]


@pytest.mark.parametrize(("truth", "second"), [("done", []), ("retry", [("b@example.com",), ("c@example.com",)])])
def test_a_server_that_goes_after_the_message_leaves_a_doubt_that_a_person_ends(
    serve, room, call, runbook, truth, second
):
    room.gone_after = 1
    serve()
    done = call("run", "tell", "--yes", password=room.password, status=4)
    assert "it broke off while it took the message" in done.err
    assert "unknown: b@example.com; not tried: c@example.com; accepted: a@example.com" in done.err
    before = [("a@example.com",), ("b@example.com",)]
    assert recipients(room) == before
    room.gone_after = None
    again = call("resume", "--yes", password=room.password, status=4)
    assert "in doubt" in again.err
    assert recipients(room) == before, "what may have reached somebody is not sent again by itself"
    call("resolve", "last", "mail", truth, "--reason", "the server's log", password=room.password, status=0)
    call("resume", "--yes", password=room.password, status=0)
    assert recipients(room) == [*before, *second]
