"""Connections that ask for nothing, or only half, neither stay nor keep others out."""

import contextlib
import socket

import pytest
from support.dashboard import served

FOR_EVER = 3600.0


def connect(stage):
    host, _, port = stage.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=60)


def request(stage, more=""):
    return f"GET /healthz HTTP/1.1\r\nHost: {stage.url.removeprefix('http://')}\r\n{more}\r\n".encode()


def ended(connection):
    """Wait until the other side closes."""
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(65536):
            continue
    return True


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_does_not_come_is_not_awaited_for_ever(place, sent):
    with served(place.root, head_seconds=0.4, head_grace=0.1) as stage, connect(stage) as connection:
        connection.sendall(sent)
        assert ended(connection)


@pytest.mark.parametrize("more", ["", "Content-Length: 10\r\n"])
def test_nor_is_what_comes_half_after_an_answer(place, more):
    with served(place.root, head_seconds=0.4, head_grace=0.1) as stage, connect(stage) as connection:
        connection.sendall(request(stage, more))
        assert b"200 OK" in connection.recv(65536)
        connection.sendall(b"G")
        assert ended(connection)


def test_a_request_behind_another_one_is_answered_and_its_stream_not_cut(place):
    run = place.run("plain")
    with (
        served(place.root, head_seconds=0.4, head_grace=0.1) as stage,
        stage.login("vera") as vera,
        connect(stage) as connection,
    ):
        name = stage.desk.settings.cookie
        head = f"Host: {stage.url.removeprefix('http://')}\r\nCookie: {name}={vera.cookies[name]}\r\n\r\n"
        connection.sendall(request(stage) + f"GET /runs/{run}/events HTTP/1.1\r\n{head}".encode())
        with connect(stage) as late:
            assert ended(late)  # more than a head's time has passed
        with connect(stage) as late:
            assert ended(late)
        stage.server.stop()
        told = b""
        while part := connection.recv(65536):
            told += part
    assert told.count(b"200 OK") == 2
    assert b"event: changed" in told
    assert told.endswith(b"0\r\n\r\n")  # the end of a stream that was not cut


def test_one_address_can_hold_only_so_many_and_the_oldest_go(place):
    with (
        served(place.root, head_seconds=FOR_EVER, head_grace=0.1, most_headless=4) as stage,
        contextlib.ExitStack() as held,
    ):
        connections = [held.enter_context(connect(stage)) for _ in range(10)]
        for connection in connections[:6]:
            assert ended(connection)
        last = connections[-1]
        last.sendall(request(stage))
        assert b"200 OK" in last.recv(65536)


def test_who_asks_for_nothing_keeps_nobody_from_being_answered(place):
    with (
        served(place.root, head_seconds=FOR_EVER, head_grace=FOR_EVER, most_streams=0) as stage,
        contextlib.ExitStack() as held,
    ):
        for _ in range(520):  # the limit is at 500
            held.enter_context(connect(stage))
        with stage.browser() as somebody:
            assert somebody.get("/healthz").status_code == 200
