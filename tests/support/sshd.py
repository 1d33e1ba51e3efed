"""A real sshd on a free port of the loopback."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from runbook_engine.sdk import Target

PORTS = 5  # how many free ports are tried: another process may take one before sshd does
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@dataclass
class Sshd:
    """A running sshd: keys, files, and how to reach it."""

    folder: Path
    port: int
    process: subprocess.Popen = field(repr=False)

    @property
    def known_hosts(self):
        return self.folder / "known_hosts"

    @property
    def key(self):
        return self.folder / "user_key"

    def target(self, **variables):
        return Target(
            name="box",
            variables={
                "ansible_host": "127.0.0.1",
                "ansible_port": self.port,
                "ansible_user": getpass.getuser(),
                "ansible_ssh_private_key_file": str(self.key),
                **variables,
            },
        )

    def settings(self, **changes):
        from runbook_engine.connections.ssh_settings import SshSettings

        return SshSettings(**{"config": (), "known_hosts": (self.known_hosts,), "home": self.folder, **changes})

    def children(self):
        """Pids of the sessions below the listening process."""
        found, seen = [], [self.process.pid]
        while seen:
            parent = seen.pop()
            path = Path(f"/proc/{parent}/task/{parent}/children")
            below = [int(pid) for pid in path.read_text().split()] if path.exists() else []
            found += below
            seen += below
        return [pid for pid in found if "sshd" in Path(f"/proc/{pid}/comm").read_text()]

    def wait_until_it_listens(self):
        """Give whether it listens now; not, when somebody else took its port before it could."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if self.process.poll() is not None:
                return False
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0 and self.process.poll() is None:
                    return True
            time.sleep(0.02)
        raise AssertionError("sshd does not listen")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def start_sshd(folder: Path, *lines: str) -> Sshd:
    """Start an sshd whose files are in this folder; further configuration lines come first, so that they win."""
    for _ in range(PORTS):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        write_config(folder, "127.0.0.1", port, *lines)
        server = Sshd(folder, port, _listening(folder))
        if server.wait_until_it_listens():
            return server
    raise AssertionError((folder / "log").read_text())


def start_again(server: Sshd) -> None:
    """Start a server that was stopped once more, on its port and with its keys."""
    server.process = _listening(server.folder)
    assert server.wait_until_it_listens(), (server.folder / "log").read_text()


def write_config(folder: Path, address: str, port: int, *lines: str) -> None:
    """Write keys and configuration of an sshd that listens there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("host_key", "user_key"):
        if not (folder / name).exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"{address if port == 22 else f'[{address}]:{port}'} {host_key}\n")
    (folder / "sshd_config").write_text(
        "\n".join(
            [
                *lines,
                f"Port {port}",
                f"ListenAddress {address}",
                f"HostKey {folder / 'host_key'}",
                f"AuthorizedKeysFile {folder / 'authorized_keys'}",
                f"PidFile {folder / 'sshd.pid'}",
                "StrictModes no",
                "UsePAM no",
                "PasswordAuthentication no",
                "PermitRootLogin yes",
                "MaxStartups 100",
                "MaxSessions 100",
                "Subsystem sftp internal-sftp",
            ]
        )
        + "\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)


def _listening(folder: Path) -> subprocess.Popen:
    # To a file: nobody reads a pipe, and an sshd whose pipe is full says nothing more to anybody.
    with (folder / "log").open("ab") as log:
        return subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=log, stdin=subprocess.DEVNULL)
