"""Who holds a lease, and whether that process is proven dead."""

import getpass
import os
import socket
import time
from hashlib import sha256
from pathlib import Path

from runbook_engine.journals.leases import StoreTime
from runbook_engine.ports.journal import Holder

_PROC = Path("/proc")
_MACHINE_ID = Path("/etc/machine-id")
_START_FIELD = 19  # of what follows the command's name in /proc/PID/stat: the start in clock ticks since boot
_DEAD_STATES = frozenset("ZXx")


def this_process() -> Holder:
    """Describe the process that asks, so that others on this machine can tell whether it still lives."""
    pid = os.getpid()
    return Holder(host=socket.gethostname(), boot=boot_id(), pid=pid, started=_started(pid) or 0, user=_user())


def is_dead(holder: Holder) -> bool:
    """Tell whether a holder is proven dead; False where it can't be told (another machine, another boot)."""
    if not holder.boot or holder.host != socket.gethostname() or holder.boot != boot_id():
        return False
    if holder.started:
        started = _started(holder.pid)
        if started is not None:
            return started != holder.started
    return not _answers(holder.pid)


def machine_time() -> StoreTime:
    """Give this machine's time, for a store that is the machine itself; the ticks count on while it sleeps."""
    ticks = time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
    return StoreTime(wall=time.time(), ticks=ticks, ticker=boot_id().partition(" ")[0])


def this_machine() -> str:
    """Name the machine, so that another one is told apart; the same over its boots.

    The name alone would do for most, but copies of a machine have the same id, and two machines the same name.
    """
    try:
        known = _MACHINE_ID.read_bytes().strip()
    except OSError:
        known = b""  # not every system has such an id; its name has to do
    name = socket.gethostname()
    return f"{name} {sha256(known).hexdigest()[:12]}" if known else name


def boot_id() -> str:
    """Name this machine's boot, and the room its process numbers count in; empty where the system has no such name.

    Containers share the kernel's boot id but not their process numbers, hence the namespace.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> int | None:
    """Give a process's start in clock ticks, -1 for one that is dead and not yet buried, None when it isn't listed."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name may hold blanks and parentheses
    return -1 if fields[0] in _DEAD_STATES else int(fields[_START_FIELD])


def _answers(pid: int) -> bool:
    """Ask the kernel; /proc may hide other people's processes."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in passwd
        return str(os.getuid())
