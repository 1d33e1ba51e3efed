"""The mailer against real SMTP servers."""

import socket
import ssl
import threading
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from runbook_engine.connections.mail import SmtpMailer
from runbook_engine.sdk import MailServer, ReadOnlyError, RunbookError, ServiceUnreachableError


class Box:
    def __init__(self):
        self.taken = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if address.startswith("no"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        if b"refuse me" in envelope.content:
            return "554 it smells"
        self.taken.append((envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content))
        return "250 OK"


def port_free():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def serve():
    running = []

    def start(**options):
        box = Box()
        controller = Controller(box, hostname="127.0.0.1", port=port_free(), **options)
        controller.start()
        running.append(controller)
        return box, controller.port

    yield start
    for controller in running:
        controller.stop()


def mail(text="hello\nworld\n.\n"):
    message = EmailMessage()
    message["From"] = "Ops <ops@example.org>"
    message["To"] = "everybody@example.org"
    message["Subject"] = "Grüße"
    message.set_content(text)
    return message


def send(port, recipients=("a@example.org",), message=None, *, mailer=None, **server):
    mailer = mailer or SmtpMailer(read_only=False)
    return mailer.send(MailServer("127.0.0.1", port, **server), message or mail(), recipients, timeout=10)


def test_hands_in_and_tells_each_recipient(serve):
    box, port = serve()
    receipt = send(port, ("a@example.org", "no@example.org", "b@example.org", "a@example.org"))
    assert receipt.accepted == ("a@example.org", "b@example.org")
    assert receipt.refused == {"no@example.org": "550 no such mailbox"}
    ((sender, recipients, content),) = box.taken
    assert (sender, recipients) == ("ops@example.org", ("a@example.org", "b@example.org"))
    assert b"hello" in content


def test_nobody_wanted_it_sends_nothing(serve):
    box, port = serve()
    receipt = send(port, ("no@example.org",))
    assert (receipt.accepted, list(receipt.refused)) == ((), ["no@example.org"])
    assert box.taken == []


def test_a_check_sends_nothing(serve):
    box, port = serve()
    with pytest.raises(ReadOnlyError):
        send(port, mailer=SmtpMailer(read_only=True))
    assert box.taken == []


def test_a_refused_message_is_told(serve):
    _, port = serve()
    with pytest.raises(RunbookError, match="554 it smells"):
        send(port, message=mail("refuse me"))


@pytest.mark.parametrize("address", ["", "a", "a@b\r\nRCPT TO:<c@d>", "<a@b>"])
def test_what_is_no_address_is_refused(serve, address):
    box, port = serve()
    with pytest.raises(RunbookError, match="no mail address"):
        send(port, (address,))
    assert box.taken == []


def test_starttls_is_not_done_without(serve):
    box, port = serve()
    with pytest.raises(RunbookError, match="STARTTLS"):
        send(port, tls="starttls")
    assert box.taken == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_login(serve):
    def judge(server, session, envelope, mechanism, data):
        return AuthResult(success=data.password == b"right", handled=False)

    box, port = serve(authenticator=judge, auth_require_tls=False, auth_required=True)
    send(port, username="me", password="right")
    assert len(box.taken) == 1
    with pytest.raises(RunbookError, match="login was refused") as caught:
        send(port, username="me", password="wr0ngword")
    assert "wr0ngword" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_login_that_is_not_ascii_needs_a_server_that_can_take_it(serve):
    def judge(server, session, envelope, mechanism, data):
        return AuthResult(success=data.password == "größer".encode(), handled=False)

    box, port = serve(authenticator=judge, auth_require_tls=False)
    send(port, username="me", password="größer")
    assert len(box.taken) == 1
    _, port = serve(authenticator=judge, auth_require_tls=False, auth_exclude_mechanism=["PLAIN"])
    with pytest.raises(RunbookError, match="no AUTH PLAIN") as caught:
        send(port, username="me", password="größer")
    assert "größer" not in str(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    import subprocess

    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "9", "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", folder / "key", "-out", folder / "crt"),
        ],
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "crt", folder / "key")
    return server, ssl.create_default_context(cafile=folder / "crt")


def test_starttls_with_a_trusted_certificate(serve, certificate):
    box, port = serve(tls_context=certificate[0], require_starttls=True)
    send(port, tls="starttls", mailer=SmtpMailer(read_only=False, context=certificate[1]))
    assert len(box.taken) == 1


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_nobody_trusts_is_refused(serve, certificate, tls):
    options = {"tls_context": certificate[0]} if tls == "starttls" else {"ssl_context": certificate[1]}
    if tls == "tls":
        port = port_free()
        listener = certificate[0].wrap_socket(
            socket.create_server(("127.0.0.1", port)), server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=lambda: fail_handshake(listener))
        thread.start()
        with pytest.raises(RunbookError, match="certificate"):
            send(port, tls="tls")
        thread.join()
        listener.close()
        return
    box, port = serve(**options)
    with pytest.raises(RunbookError, match="certificate"):
        send(port, tls=tls)
    assert box.taken == []


def fail_handshake(listener):
    peer, _ = listener.accept()
    with peer, pytest.raises((ssl.SSLError, OSError)):
        peer.do_handshake()


@pytest.fixture
def dying():
    """A server that talks until a word comes, then breaks off."""
    threads = []

    def start(last):
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            peer, _ = listener.accept()
            with peer, peer.makefile("rwb") as file:
                say(file, b"220 hello")
                while line := file.readline():
                    word = line[:4].upper().strip()
                    if word == b"DATA" and last != "DATA":
                        say(file, b"354 go on")
                        while file.readline() not in (b".\r\n", b""):
                            pass
                        break
                    if word.decode() == last:
                        break
                    say(file, b"250 OK")
            listener.close()

        thread = threading.Thread(target=serve)
        thread.start()
        threads.append(thread)
        return listener.getsockname()[1]

    yield start
    for thread in threads:
        thread.join()


def say(file, line):
    file.write(line + b"\r\n")
    file.flush()


def test_broken_off_behind_the_message_says_that_it_may_have_been_taken(dying):
    with pytest.raises(ServiceUnreachableError) as caught:
        send(dying("the end"))
    assert "may have taken it" in caught.value.hint


@pytest.mark.parametrize("last", ["MAIL", "RCPT"])
def test_broken_off_before_the_message_says_that_it_was_not(dying, last):
    with pytest.raises(RunbookError, match="before it had the message") as caught:
        send(dying(last))
    assert caught.type is RunbookError, "what was surely not sent leaves no doubt"


def test_where_nobody_is_nothing_is_sent_for_sure():
    with pytest.raises(RunbookError, match="not handed in") as caught:
        send(9)
    assert caught.type is RunbookError
