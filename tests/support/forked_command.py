"""A command `runbook` for scripts that are tested, which is forked instead of started (see forks.py).

It takes a fifth of the time. What is there for long (`serve`, `monitor`, `worker`, `lab`) is really started, so that
signals reach it, and so is everything where RUNBOOK_REALLY is set.
"""

import contextlib
import json
import os
import socket
import sys
import threading
import uuid

from support.forks import helper

CLIENT = """\
#!{python} -IS
import json, os, socket, sys
words = sys.argv[1:]
if "RUNBOOK_REALLY" in os.environ or words[:1] in (["serve"], ["monitor"], ["worker"], ["lab"]):
    os.execv({python!r}, [{python!r}, "-m", "runbook_engine.cli.main", *words])
asking = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
asking.connect("\\0" + {name!r})
call = dict(words=words, cwd=os.getcwd(), env=dict(os.environ))
socket.send_fds(asking, [json.dumps(call).encode()], [0, 1, 2])
status = int(asking.recv(16) or b"1")
sys.exit(128 - status if status < 0 else status)
"""


@contextlib.contextmanager
def forked_command(path):
    """Write a program to `path` that does what `runbook` does, as long as this lasts."""
    name = f"runbook-tests-{uuid.uuid4()}"  # of no file: a path could be too long for a socket
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind("\0" + name)
    listening.listen(16)
    path.write_text(CLIENT.format(python=sys.executable, name=name))
    path.chmod(0o755)
    helper()  # made here, not by several threads at once
    threading.Thread(target=_accept, args=(listening,), daemon=True).start()
    try:
        yield path
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _accept(listening):
    while True:
        try:
            asking = listening.accept()[0]
        except OSError:
            return  # it is over
        threading.Thread(target=_serve, args=(asking,), daemon=True).start()


def _serve(asking):
    with asking:
        message, streams, _, _ = socket.recv_fds(asking, 1 << 20, 3)
        try:
            call = json.loads(message)
            status = helper().over(call["words"], cwd=call["cwd"], env=call["env"], streams=streams)
        finally:
            for fd in streams:
                os.close(fd)
        asking.send(str(status).encode())
