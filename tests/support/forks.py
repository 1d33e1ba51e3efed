"""Calls of `runbook` without the imports: a helper imports everything once, and forks a process for each call.

What is called is a process like any other: its own id, folder, environment, streams and signals. Only how an
interpreter starts is not shown by it; environments that change that get a real start (`is_plain`).
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from support.own_path import own_path

HELPER = Path(__file__).with_name("fork_helper.py")
# Variables that an interpreter or the system's libraries read when a process starts.
_SEEN = 7  # the priority that a process is told to have while strace sees its calls
AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "COVERAGE")


def is_plain(more):
    """Whether a process with these variables more starts like one without."""
    return not any(name.startswith(AT_START) for name in more)


class Forked:
    """A process of `runbook` that was forked; what `subprocess.Popen` of a text process can, as far as tests use it."""

    def __init__(self, words, told, stdout, stderr) -> None:
        self.args, self.returncode = words, None
        self.stdout, self.stderr = stdout, stderr
        self._told = told  # first the process's id, then, when it is over, its exit status
        self.pid = int(told.readline())

    def poll(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout=None):
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout)
            self.returncode = os.waitstatus_to_exitcode(int(self._told.readline()))
            self._told.close()
        return self.returncode

    def communicate(self, timeout=None):
        """Read both streams to their ends, and wait."""
        until = None if timeout is None else time.monotonic() + timeout
        said = {}

        def read(name):
            said[name] = getattr(self, name).read()

        threads = [threading.Thread(target=read, args=(name,), daemon=True) for name in ("stdout", "stderr")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(None if until is None else max(0.0, until - time.monotonic()))
            if thread.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout)
        self.wait(None if until is None else max(0.0, until - time.monotonic()))
        self.close()
        return said["stdout"], said["stderr"]

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def close(self):
        for stream in (self.stdout, self.stderr):
            stream.close()


class Helper:
    """The process that forks, for as long as the tests of this worker last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {**os.environ, "PYTHONPATH": own_path()}
        self._process = subprocess.Popen(
            [sys.executable, str(HELPER), str(theirs.fileno())], pass_fds=[theirs.fileno()], env=environment
        )
        theirs.close()

    def start(self, words, *, cwd, env, pid_file=None, code=None, traced=False, megabytes=0):
        """Fork a process that calls `runbook` with these words.

        Args:
            pid_file: where it writes its own process id before anything else.
            megabytes: how much address space it may take; it may use a core for a minute then. 0: as much as there is.
            code: what it runs in place of `runbook`.
            traced: whether it first waits for strace; see `traced`.
        """
        pipes = [os.pipe() for _ in range(3)]
        (out, out_w), (err, err_w), (told, told_w) = pipes
        with Path(os.devnull).open("rb") as nothing:
            given = [nothing.fileno(), out_w, err_w, told_w]
            asked = {"words": words, "cwd": str(cwd), "env": dict(env), "megabytes": megabytes, "code": code}
            asked |= {"pid_file": str(pid_file) if pid_file else None, "traced": _SEEN if traced else 0}
            with self._lock:
                socket.send_fds(self._socket, [json.dumps(asked).encode()], given)
        for fd in (out_w, err_w, told_w):
            os.close(fd)
        return Forked(words, os.fdopen(told), os.fdopen(out, encoding="utf-8"), os.fdopen(err, encoding="utf-8"))

    def run(self, words, *, timeout, **more):
        """Call, and wait for the end; gives what `subprocess.run` does."""
        process = self.start(words, **more)
        try:
            out, err = process.communicate(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def over(self, words, *, cwd, env, streams):
        """Fork a process on open streams (input, output, errors), and give its exit status when it is over."""
        told, told_w = os.pipe()
        asked = {
            "words": words,
            "cwd": str(cwd),
            "env": env,
            "megabytes": 0,
            "code": None,
            "pid_file": None,
            "traced": 0,
        }
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(asked).encode()], [*streams, told_w])
        os.close(told_w)
        with os.fdopen(told) as lines:
            lines.readline()
            return os.waitstatus_to_exitcode(int(lines.readline()))

    def traced(self, words, *, calls, inject, log=os.devnull, timeout, **more):
        """Call as `run` does, under strace: not the imports, each of whose calls would cost a switch to it and back.

        Args:
            calls: the system calls that are traced, with commas.
            inject: what strace makes of some, as its option takes it; empty for nothing.
            log: where it writes what it saw.
        """
        process = self.start(words, traced=True, **more)
        options = ["-e", f"trace={calls},getpriority", "-e", f"inject=getpriority:retval={20 - _SEEN}"]
        options += ["-e", f"inject={inject}"] if inject else []
        strace = ["strace", "-f", "-qq", "-o", str(log), *options, "-p", str(process.pid)]
        with subprocess.Popen(strace, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as tracer:
            try:
                out, err = process.communicate(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                tracer.terminate()
                raise
            said = tracer.communicate()[1]
        assert tracer.returncode == 0 or not said, said
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def close(self):
        self._socket.close()
        self._process.wait(30)


_HELPERS = {}


def helper():
    """Give the helper of this process; it ends with it, since nobody holds its socket any more."""
    if os.getpid() not in _HELPERS:
        _HELPERS[os.getpid()] = Helper()
    return _HELPERS[os.getpid()]
