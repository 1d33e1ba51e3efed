"""Marks are never given twice, by a forked process neither."""

import subprocess
import sys

FORKING = """
import os
from runbook_engine.connections.shell import new_mark
before = [new_mark() for _ in range(3)]
if os.fork() == 0:
    print(*before, *(new_mark() for _ in range(3)))
else:
    os.wait()
    print(*(new_mark() for _ in range(3)))
"""


def test_a_forked_process_gives_marks_of_its_own():
    done = subprocess.run([sys.executable, "-u", "-c", FORKING], capture_output=True, text=True, check=True)
    marks = done.stdout.split()
    assert len(set(marks)) == len(marks) == 9
