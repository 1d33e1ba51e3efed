"""A second AWS emulator, ministack, for the services that the first one lacks; it is started when first asked.

Requests come through the first one's address, so that the log, broken regions and throttling hold for both.
"""

from __future__ import annotations

import argparse
import os
import runpy
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from runbook_engine.lab.errors import LabError
from runbook_engine.lab.hosts import reserve_port
from runbook_engine.lab.parent import die_with_parent
from runbook_engine.lab.request_log import read_call

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SERVICES = frozenset({"backup", "dynamodb", "elasticache", "elasticfilesystem", "kms"})
"""Whose requests go to it, by the name in their signature."""
HOP_HEADERS = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})
START_SECONDS = 60.0
POLL_SECONDS = 0.05
STOP_SECONDS = 5.0
ANSWER_SECONDS = 60.0

OnMain = Callable[[Callable[[], None]], None]
"""Has the main thread do something, and waits for it: Linux ends a process with the *thread* that started it."""


class SecondCloud:
    """The process, once it is needed. Safe to share between threads."""

    def __init__(self, folder: Path, account: str, port: int, on_main: OnMain) -> None:
        """Nothing is started; `folder` is for all that it writes."""
        self._folder, self._account, self._port, self._on_main = folder, account, port, on_main
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._client = httpx.Client(trust_env=False, timeout=ANSWER_SECONDS)

    def begin(self) -> None:
        """Start it without waiting until it answers; from the main thread, before anybody asks."""
        with self._lock:
            self._port = self._port or _free_port()
            self._start()

    def endpoint(self) -> str:
        """Where it answers; starts it if it does not run, and raises LabError if it can't."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._port = self._port or _free_port()
                self._ready = False
                self._on_main(self._start)
            if not self._ready:
                self._wait()
                self._ready = True
            return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """End the process, if there is one."""
        self._client.close()
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass a request on and its answer back, as a WSGI application."""
        query = environ.get("QUERY_STRING", "")
        path = environ.get("RAW_URI") or f"{environ.get('PATH_INFO', '/')}{'?' if query else ''}{query}"
        headers = {
            name.removeprefix("HTTP_").replace("_", "-"): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_") or name == "CONTENT_TYPE"
        }
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            url = f"{self.endpoint()}{path}"
        except LabError as error:
            start_response("503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
            return [str(error).encode()]
        request = self._client.build_request(environ["REQUEST_METHOD"], url, headers=headers, content=body)
        answer = self._client.send(request, stream=True)
        content = b"".join(answer.iter_raw())
        answer.close()
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_HEADERS]
        start_response(f"{answer.status_code} {answer.reason_phrase}", [*kept, ("Content-Length", str(len(content)))])
        return [content]

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_ACCOUNT_ID": self._account,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",  # no container of the user's is its business
            "LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "runbook_engine.lab.second_cloud", "--parent-pid", str(os.getpid())]
        with (self._folder / "said.log").open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=settings,
                cwd=self._folder,
                start_new_session=True,
            )

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._client.get(f"http://127.0.0.1:{self._port}/_ministack/health")
            except httpx.TransportError as error:
                if (self._process is not None and self._process.poll() is not None) or time.monotonic() > deadline:
                    raise LabError(
                        "the second AWS emulator did not start", f"look at {self._folder}/said.log"
                    ) from error
                time.sleep(POLL_SECONDS)
            else:
                return


def beside(first: WSGIApplication, second: WSGIApplication) -> WSGIApplication:
    """An application that serves all services, each by the emulator that has it."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if read_call(environ).service in SERVICES:
            return second(environ, start_response)
        return first(environ, start_response)

    return application


def main(arguments: list[str] | None = None) -> None:
    """Run ministack until the lab ends."""
    parser = argparse.ArgumentParser(prog="python -m runbook_engine.lab.second_cloud", description=__doc__)
    parser.add_argument(
        "--parent-pid", type=int, required=True, help="end together with this process, our direct parent"
    )
    die_with_parent(parser.parse_args(arguments).parent_pid)
    sys.argv = ["ministack"]
    runpy.run_module("ministack", run_name="__main__")


def _free_port() -> int:
    reservation = reserve_port(0)
    try:
        return int(reservation.getsockname()[1])
    finally:
        reservation.close()


if __name__ == "__main__":
    main()
