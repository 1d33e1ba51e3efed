"""The app's hosts: one real process each, ended and started again as their region goes down and comes back."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook_engine.lab.errors import LabError

START_SECONDS = 15.0
STOP_SECONDS = 3.0
POLL_SECONDS = 0.03
OUTPUT_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class Host:
    """A host, its region, its folder, and the port it keeps for life."""

    name: str
    region: str
    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where the host's app answers."""
        return f"http://127.0.0.1:{self.port}"


class HostFleet:
    """Starts and ends the hosts' processes. Use it from the main thread only.

    Linux ends a process when the *thread* that started it ends, hence that rule.
    """

    def __init__(self, folder: Path, regions: Mapping[str, str], ports: Mapping[str, int]) -> None:
        """`regions` maps host names to regions; a host without an entry in `ports` gets a free port."""
        self._reservations = {name: reserve_port(ports.get(name, 0)) for name in regions}
        self.hosts = tuple(
            Host(name, region, folder / name, self._reservations[name].getsockname()[1])
            for name, region in regions.items()
        )
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for host in self.hosts:
            host.folder.mkdir(parents=True, exist_ok=True)

    def start(self, region: str | None = None) -> None:
        """Start the processes of a region, or all, that are not running; `wait_ready` tells when they answer."""
        for host in self._in(region):
            if self.pids()[host.name] is None:
                self._processes[host.name] = _spawn(host)

    def wait_ready(self) -> None:
        """Wait until each started process answers; raises LabError when one does not."""
        deadline = time.monotonic() + START_SECONDS
        for host in self.hosts:
            process = self._processes.get(host.name)
            while process is not None and not _answers(host.port):
                if process.poll() is not None or time.monotonic() > deadline:
                    said = (host.folder / "app.out").read_text(encoding="utf-8", errors="replace")[-OUTPUT_SHOWN:]
                    raise LabError(f"the app of {host.name} did not start: {said.strip()}", "is its port in use?")
                time.sleep(POLL_SECONDS)

    def stop(self, region: str | None = None) -> None:
        """End the processes of a region, or all; their ports refuse connections afterwards but stay reserved."""
        ending = [self._processes.pop(host.name) for host in self._in(region) if host.name in self._processes]
        for process in ending:
            process.terminate()
        for process in ending:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def revive(self) -> list[str]:
        """Start what ended by itself again, as an operating system would; gives the names of those hosts."""
        ended = [host for host in self.hosts if host.name in self._processes and self.pids()[host.name] is None]
        for host in ended:
            self._processes[host.name] = _spawn(host)
        return [host.name for host in ended]

    def close(self) -> None:
        """End everything and give the ports back."""
        self.stop()
        for reservation in self._reservations.values():
            reservation.close()

    def pids(self) -> dict[str, int | None]:
        """The process of each host; None while it is down."""
        running = {name: process for name, process in list(self._processes.items()) if process.poll() is None}
        return {host.name: running[host.name].pid if host.name in running else None for host in self.hosts}

    def _in(self, region: str | None) -> Iterable[Host]:
        return [host for host in self.hosts if region in {None, host.region}]


def reserve_port(port: int) -> socket.socket:
    """Hold a port without listening: nobody else is given it, and connections are refused until the app listens."""
    reservation = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reservation.bind(("127.0.0.1", port))
    except OSError as error:
        reservation.close()
        raise LabError(f"port {port} of 127.0.0.1 is not free: {error.strerror}", "choose another") from error
    return reservation


def _spawn(host: Host) -> subprocess.Popen[bytes]:
    package_root = str(Path(__file__).resolve().parents[2])
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "runbook_engine.lab.app", "--host-dir", str(host.folder)]
    with (host.folder / "app.out").open("ab") as output:
        return subprocess.Popen(
            [*command, "--port", str(host.port), "--parent-pid", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": search_path},
            start_new_session=True,  # Ctrl+C in the terminal is for the lab, which then ends its children
        )


def _answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
