"""The HTTP client against real servers, well-behaved and not."""

import datetime as dt
import http.server
import ipaddress
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runbook_engine.connections.http import HttpxClient
from runbook_engine.sdk import ReadOnlyError, RunbookError, ServiceUnreachableError


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        if self.path.startswith("/redirect/"):
            left = int(self.path.rpartition("/")[2])
            return self.answer(302, b"", location="/" if left == 1 else f"/redirect/{left - 1}")
        if self.path == "/away":
            return self.answer(307, b"", location=self.server.away)
        if self.path == "/big":
            return self.answer(200, b"x" * 1_000_000)
        if self.path == "/busy":
            return self.answer(429, b"later", **{"Retry-After": "7"})
        return self.answer(200, b"hello")

    do_POST = do_HEAD = do_GET  # noqa: N815 - the standard library's names

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            try:
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = []
        self.away = ""
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))

    def handle_error(self, *_):
        pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


@pytest.fixture
def server():
    with Server() as made:
        yield made


@pytest.fixture
def client():
    return HttpxClient(read_only=False)


def test_gives_the_whole_answer(server, client):
    answer = client.request("get", f"{server.url}/busy")
    assert (answer.status, answer.body, answer.truncated) == (429, b"later", False)
    assert answer.headers["retry-after"] == "7"
    assert answer.tls_expires is None


def test_sends_what_it_is_given(server, client):
    client.request("POST", server.url, headers={"X-A": "b"}, content=b"\0x")
    method, _, headers, body = server.seen[0]
    assert (method, headers["X-A"], body) == ("POST", "b", b"\0x")


def test_a_check_sends_nothing_that_changes(server):
    checker = HttpxClient(read_only=True)
    for method in ("POST", "PUT", "DELETE", "PATCH", "post", "PURGE"):
        with pytest.raises(ReadOnlyError):
            checker.request(method, server.url)
    assert server.seen == []
    assert checker.request("GET", server.url).body == b"hello"


def test_redirects_are_followed_to_their_limit(server, client):
    assert client.request("GET", f"{server.url}/redirect/5").body == b"hello"
    with pytest.raises(ServiceUnreachableError, match="more than 5 redirects"):
        client.request("GET", f"{server.url}/redirect/6")
    assert client.request("GET", f"{server.url}/redirect/3", redirects=0).status == 302


def test_another_origin_does_not_get_the_credentials(server, client):
    with Server() as other:
        server.away = f"{other.url}/there"
        client.request("GET", f"{server.url}/away", headers={"Authorization": "secret", "Cookie": "c", "X-A": "b"})
        _, path, headers, _ = other.seen[0]
        assert path == "/there"
        assert headers["X-A"] == "b"
        assert {"Authorization", "Cookie"}.isdisjoint(headers)


def test_a_long_body_is_cut_and_said_so(server, client):
    answer = client.request("GET", f"{server.url}/big", max_bytes=1000)
    assert (len(answer.body), answer.truncated) == (1000, True)
    assert not client.request("GET", f"{server.url}/big", max_bytes=1_000_000).truncated


@pytest.fixture(params=["silence", "header", "body"])
def dripping(request):
    """A server that sends a byte now and then, for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve():
        peer, _ = listener.accept()
        with peer:
            if request.param == "body":
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            elif request.param == "header":
                peer.sendall(b"HTTP/1.1 200 OK\r\nX-A: ")
            while not stop.wait(0.05):
                try:
                    if request.param != "silence":
                        peer.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/?token=s3cr3t"
    stop.set()
    thread.join()
    listener.close()


def test_a_peer_that_drips_is_bounded(dripping, client):
    began = time.monotonic()
    with pytest.raises(ServiceUnreachableError, match=r"within 0\.5 s") as caught:
        client.request("GET", dripping, timeout=0.5)
    assert time.monotonic() - began < 30
    assert "s3cr3t" not in caught.value.message


@pytest.mark.parametrize("reply", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"])
def test_a_broken_answer_is_no_answer(client, reply):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        peer, _ = listener.accept()
        peer.recv(65536)
        peer.sendall(reply)
        peer.close()

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(ServiceUnreachableError):
        client.request("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/")
    thread.join()
    listener.close()


@pytest.mark.parametrize("url", ["ftp://x/", "nothing", "http://", "http://[::1", "http://a:99999/"])
def test_what_is_no_url_is_told(client, url):
    with pytest.raises(RunbookError):
        client.request("GET", url, timeout=2)


def test_a_header_that_cannot_be_sent_is_told(server, client):
    with pytest.raises(RunbookError):
        client.request("GET", server.url, headers={"X-A": "a\r\nX-B: c"})
    assert server.seen == []


def test_a_user_in_the_url_is_not_shown(client):
    with pytest.raises(ServiceUnreachableError) as caught:
        client.request("GET", "http://me:hunter2@127.0.0.1:9/x?y=z")
    assert "hunter2" not in str(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    until = dt.datetime(2044, 5, 6, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path, until


@pytest.fixture
def tls(server, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[0])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server.url.replace("http:", "https:")


def test_a_certificate_nobody_trusts_is_refused(tls, client):
    with pytest.raises(ServiceUnreachableError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        client.request("GET", tls)
    assert "SSL_CERT_FILE" in caught.value.hint


def test_the_certificates_end_is_told(tls, client, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert client.request("GET", tls).tls_expires == certificate[1]


def test_trust_can_be_waived(tls, client, certificate):
    answer = client.request("GET", tls, verify=False)
    assert (answer.body, answer.tls_expires) == (b"hello", certificate[1])
