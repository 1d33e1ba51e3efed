"""A holder counts as dead only when that is proven."""

import os
import socket
import subprocess
import sys
from dataclasses import replace

from runbook_engine.journals.holder import is_dead, this_process


def start(code):
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def test_this_process_lives_and_says_who_it_is():
    me = this_process()
    assert (me.pid, me.host) == (os.getpid(), socket.gethostname())
    assert me.started > 0
    assert me.boot
    assert not is_dead(me)
    assert str(me) == f"{me.user}@{me.host} (pid {me.pid})"


def test_a_process_is_dead_as_soon_as_it_ended_even_unburied():
    with start(
        "from runbook_engine.journals.holder import this_process as p; print(p().started, flush=True); input()"
    ) as child:
        holder = replace(this_process(), pid=child.pid, started=int(child.stdout.readline()))
        assert not is_dead(holder)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and its parent did not look yet
        assert is_dead(holder)
        child.wait()
        assert is_dead(holder)


def test_a_reused_process_number_is_not_the_holder():
    me = this_process()
    assert is_dead(replace(me, started=me.started + 1))


def test_nothing_is_proven_about_another_machine_or_boot():
    me = this_process()
    gone = replace(me, started=me.started + 1)
    assert not is_dead(replace(gone, host="elsewhere"))
    assert not is_dead(replace(gone, boot="another"))
    assert not is_dead(replace(gone, boot=""))


def test_where_the_start_is_unknown_the_kernel_is_asked():
    with start("input()") as child:
        holder = replace(this_process(), pid=child.pid, started=0)
        assert not is_dead(holder)
        child.kill()
        child.wait()
        assert is_dead(holder)
