"""A real terminal that can be resized: tmux, on a socket of its own, with nothing of anybody's configuration."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """A window of a shell, and what is to be seen in it."""

    def __init__(self, folder, environment, *, columns=80, rows=24):
        self._socket = Path(tempfile.mkdtemp(prefix="tmux-"))  # (a socket's path must be short)
        self._tmux = ["tmux", "-S", str(self._socket / "s"), "-f", os.devnull]
        self._environment = {**environment, "TERM": "screen", "PS1": "$ ", "HISTFILE": os.devnull, "COLUMNS": "80"}
        size = ["-x", str(columns), "-y", str(rows)]
        self._call("new-session", "-d", *size, "-c", str(folder), "bash", "--norc", "--noprofile")

    def _call(self, *words):
        done = subprocess.run(
            [*self._tmux, *words], env=self._environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def type(self, *keys):
        self._call("send-keys", *keys)

    def resize(self, columns, rows=24):
        self._call("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self):
        """Give the lines of the window as they are now, without the empty ones at its end."""
        return self._call("capture-pane", "-p").rstrip("\n").split("\n")

    def until(self, seen, *, seconds=120):
        """Wait until the screen's lines are as they should be, and give them."""
        end = time.monotonic() + seconds
        while not seen(lines := self.screen()):
            assert time.monotonic() < end, "\n".join(lines)
            time.sleep(0.1)
        return lines

    def close(self):
        self._call("kill-server")
        shutil.rmtree(self._socket)
