"""A test peer for AWS Systems Manager: the Run Command API over HTTP, and agents that really run the scripts here.

It keeps to what AWS documents of the API: the states and their details, the limits of 24,000 and 8,000 characters of
output, an invocation that does not exist for a moment after its command was sent, and a history of all parameters.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

INSTANCE = "i-0123456789abcdef0"


@dataclass
class Invocation:
    """One command on one instance."""

    id: str
    instance: str
    sent: float
    status: str = "Pending"
    details: str = "Pending"
    stdout: str = ""
    stderr: str = ""
    code: int = -1
    process: subprocess.Popen | None = field(default=None, repr=False)


class SsmPeer:
    """The service and its instances, each with a HOME of its own.

    Attributes:
        history: parameters and output of every command, as anybody with the right to read them sees it.
        offline: instances whose agents take no command; what becomes of those (`Undeliverable`, `DeliveryTimedOut`).
        throttle, lose: how many of the next SendCommands are refused, or done without an answer.
        hold: seconds that a command waits for its agent.
        appears: seconds after which a command that was sent can be looked at.
    """

    def __init__(self, folder: Path, *instances: str) -> None:
        self.folder, self.instances = folder, set(instances or (INSTANCE,))
        self.offline: dict[str, str] = {}
        self.throttle = self.lose = 0
        self.hold = 0.0
        self.appears = 0.05
        self.sends = self.cancelled = 0
        self.commands: dict[str, Invocation] = {}
        self.parameters: list[dict] = []
        self._lock = threading.Lock()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].partition(".")[2]
                status, answer = peer.answer(operation, asked)
                if status == 0:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a connection that the test closed

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def home(self, instance: str = INSTANCE) -> Path:
        found = self.folder / instance
        found.mkdir(parents=True, exist_ok=True)
        return found

    @property
    def history(self) -> str:
        outputs = [[one.stdout, one.stderr] for one in self.commands.values()]
        return json.dumps([self.parameters, outputs])

    def environment(self) -> dict[str, str]:
        """What makes boto3 come here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.folder / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "no-credentials"),
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, operation: str, asked: dict) -> tuple[int, dict]:
        return getattr(self, f"_{operation}")(asked)

    def _SendCommand(self, asked: dict) -> tuple[int, dict]:  # noqa: N802 - AWS's name
        with self._lock:
            self.sends += 1
            if self.throttle > 0:
                self.throttle -= 1
                return _error("ThrottlingException", "Rate exceeded")
            [instance] = asked["InstanceIds"]
            if instance not in self.instances:
                return _error("InvalidInstanceId", f"Instances [[{instance}]] not in a valid state for account 1")
            if asked["DocumentName"] != "AWS-RunShellScript" or not 30 <= asked["TimeoutSeconds"] <= 2592000:
                return _error("ValidationException", "not that")
            if len(json.dumps(asked["Parameters"])) > 60000:
                return _error("ValidationException", "the parameters are too long")
            one = Invocation(str(uuid.uuid4()), instance, time.monotonic())
            self.commands[one.id] = one
            self.parameters.append(asked["Parameters"])
            lost, self.lose = self.lose > 0, max(0, self.lose - 1)
        if instance in self.offline:
            details = self.offline[instance]
            one.details, one.status = details, "TimedOut" if details.endswith("TimedOut") else "Failed"
        else:
            threading.Thread(target=self._run, args=(one, asked["Parameters"]), daemon=True).start()
        return (0, {}) if lost else (200, {"Command": {"CommandId": one.id, "Status": "Pending"}})

    def _GetCommandInvocation(self, asked: dict) -> tuple[int, dict]:  # noqa: N802 - AWS's name
        one = self.commands.get(asked["CommandId"])
        if one is None or one.instance != asked["InstanceId"] or time.monotonic() - one.sent < self.appears:
            return _error("InvocationDoesNotExist", "")
        return 200, {
            "CommandId": one.id, "InstanceId": one.instance, "Status": one.status, "StatusDetails": one.details,
            "ResponseCode": one.code, "StandardOutputContent": one.stdout[:24000],
            "StandardErrorContent": one.stderr[:8000],
        }  # fmt: skip

    def _CancelCommand(self, asked: dict) -> tuple[int, dict]:  # noqa: N802 - AWS's name
        self.cancelled += 1
        one = self.commands[asked["CommandId"]]
        one.status = one.details = "Cancelled"
        if one.process is not None:
            _kill(one.process)
        return 200, {}

    def _run(self, one: Invocation, parameters: dict) -> None:
        """Do as the agent does: as root, in a folder of its own, without HOME in the environment (here: its own)."""
        time.sleep(self.hold)
        if one.status == "Cancelled":
            return
        one.status = one.details = "InProgress"
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home(one.instance))}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            one.process = subprocess.Popen(
                ["sh", "-c", "\n".join(parameters["commands"])], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=environment, cwd="/", start_new_session=True,
            )  # fmt: skip
            try:
                code = one.process.wait(float(parameters["executionTimeout"][0]))
            except subprocess.TimeoutExpired:
                _kill(one.process)
                one.status, one.details = "TimedOut", "ExecutionTimedOut"
                return
            for stream in (out, err):
                stream.seek(0)
            one.stdout, one.stderr = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
        one.code = code
        if one.status == "InProgress":
            one.details = "Success" if code == 0 else "Failed"
            one.status = one.details


def _kill(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _error(code: str, message: str) -> tuple[int, dict]:
    return 400, {"__type": code, "message": message}
