"""A lab in the background: starts it so that it outlives the terminal, finds it again, and ends it without a trace."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from runbook_engine.lab import lock
from runbook_engine.lab.addresses import LabAddresses, read_lab
from runbook_engine.lab.errors import LabError
from runbook_engine.lab.files import StateFolder
from runbook_engine.lab.parent import is_gone
from runbook_engine.lab.ports import choose_ports, remember_ports

NAMES = ("aws", "dns", "status", "smtp", "front", "aws-2", "primary-1", "primary-2", "standby-1", "standby-2")
LIBRARIES = ("moto", "aiosmtpd", "ministack", "werkzeug")
READY_SECONDS = 90.0
END_SECONDS = 15.0
SNAPSHOT_SECONDS = 300.0
LOOK_SECONDS = 0.05
SHOWN = 2000


def check_installed() -> None:
    """Raise LabError unless the libraries of the extra `lab` are there."""
    missing = [name for name in LIBRARIES if not _is_there(name)]
    if missing:
        hint = "install them: pip install 'runbook-engine[lab]'"
        raise LabError(f"the lab's libraries are not installed (missing: {', '.join(missing)})", hint)


def _is_there(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ValueError:  # the import system was told that it is not
        return False


def running(state: Path) -> LabAddresses | None:
    """The lab that is ready in the folder, or None."""
    try:
        lab = read_lab(state)
    except LabError:
        return None
    return lab if lock.is_held(StateFolder(state).marker) else None


def up(state: Path, seconds: float, on_wait: Callable[[], None]) -> LabAddresses:
    """Start a lab and give its addresses once all of it answers; one that starts already is waited for.

    Args:
        state: the lab's folder, which is made.
        seconds: how long the lab may live.
        on_wait: called every now and then.

    Raises:
        LabError: it can't be started; nothing of it is left then.
    """
    check_installed()
    folder = StateFolder(state)
    held = lock.claim(folder)
    if held is None:
        return _wait(folder, None, on_wait)
    try:
        ports = choose_ports(folder, NAMES)
        process = _spawn(folder, ports, seconds, held)
        lock.write_holder(held, process.pid)
    finally:
        os.close(held)  # the lab holds it now, or nobody
    try:
        lab = _wait(folder, process, on_wait)
    except BaseException:
        if process.poll() is None:
            _end(process.pid, process.poll)
        _remove(folder)
        raise
    remember_ports(folder, ports)
    return lab


def down(state: Path) -> bool:
    """End the lab, and remove everything that it made; gives whether there was anything.

    Raises:
        LabError: it can't be ended or removed.
    """
    folder = StateFolder(state)
    if not folder.marker.exists():
        return False
    if lock.is_held(folder.marker):
        pid = _holder(folder)
        _end(pid, lambda: 0 if is_gone(pid) and not lock.is_held(folder.marker) else None)
    _remove(folder)
    return True


def said_last(folder: StateFolder) -> str:
    """The end of what the lab said."""
    try:
        return folder.said.read_text(encoding="utf-8", errors="replace")[-SHOWN:].strip()
    except FileNotFoundError:
        return ""


def _spawn(folder: StateFolder, ports: Mapping[str, int], seconds: float, held: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "runbook_engine.lab", "--state", str(folder.root), "--ttl", str(seconds)]
    command += ["--lock-fd", str(held), "--capacity", "--snapshot-every", str(SNAPSHOT_SECONDS)]
    for name, port in ports.items():
        command += ["--port", f"{name}={port}"]
    package_root = str(Path(__file__).resolve().parents[2])
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    with folder.said.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",  # so that no folder is held
            env={**os.environ, "PYTHONPATH": search_path},
            pass_fds=(held,),
            start_new_session=True,  # the terminal's end is not the lab's
        )


def _wait(folder: StateFolder, process: subprocess.Popen[bytes] | None, on_wait: Callable[[], None]) -> LabAddresses:
    """Wait until a lab is ready; without `process` it is somebody else's."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        ended = process.poll() is not None if process is not None else not lock.is_held(folder.marker)
        lab = running(folder.root)
        if lab is not None and (process is None or lab.pid == process.pid):
            return lab
        if ended:
            said = said_last(folder).removeprefix("lab: ")
            raise LabError(f"the lab did not start: {said or 'it said nothing'}", "try again")
        if time.monotonic() > deadline:
            raise LabError(f"the lab was not ready within {READY_SECONDS:.0f} s", "end it with `runbook lab down`")
        on_wait()
        time.sleep(LOOK_SECONDS)


def _remove(folder: StateFolder) -> None:
    """Remove what a lab made, unless another one lives there already; other files stay, and the folder with them."""
    held = lock.take(folder.marker) if folder.root.is_dir() else None
    if held is None:
        return
    for path in folder.everything:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    os.close(held)
    with contextlib.suppress(OSError):  # not empty
        folder.root.rmdir()


def _holder(folder: StateFolder) -> int:
    """The process that holds the folder: it writes its id there when it has the lock."""
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        text = folder.marker.read_text(encoding="utf-8").strip()
        if text.isdecimal() and not is_gone(int(text)):
            return int(text)
        time.sleep(LOOK_SECONDS)
    raise LabError(f"a lab holds {folder.root} and does not say which process it is", "look for runbook_engine.lab")


def _end(pid: int, ended: Callable[[], int | None]) -> None:
    """Ask a lab to end, and make it end when it does not; its hosts' processes end with it in any case."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            if ended() is not None:
                return
            time.sleep(LOOK_SECONDS)
    raise LabError(f"process {pid} of the lab does not end", "end it by hand, then `runbook lab down` again")
