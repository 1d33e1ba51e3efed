"""The command line on a pseudo-terminal, with somebody who answers its questions."""

import os
import pty
import select
import time

_THINKS = 0.5  # a person takes a moment; what is typed before a secret's question is thrown away


def at_terminal(runbook, *words, answers=(), **environment):
    """Call the command line and answer its questions (what is asked, what is typed); gives what was shown, and the status."""
    argv, variables = runbook.argv(*words), runbook.environment(TERM="xterm-256color", **environment)
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(runbook.root)
        os.execve(argv[0], argv, variables)
    shown, waiting, asked, end = b"", list(answers), None, time.monotonic() + 180
    try:
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    shown += os.read(terminal, 65536)
                except OSError:
                    break
            if waiting and asked is None and waiting[0][0].encode() in shown:
                asked = time.monotonic()
            if asked is not None and time.monotonic() > asked + _THINKS:
                os.write(terminal, waiting.pop(0)[1].encode())
                asked = None
        else:
            os.kill(process, 9)
    finally:
        os.close(terminal)
        _, status = os.waitpid(process, 0)
    return shown.decode(errors="replace"), os.waitstatus_to_exitcode(status)
