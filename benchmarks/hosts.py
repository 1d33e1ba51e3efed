"""Many hosts on one machine: a real sshd that answers on every address of 127.0.0.0/8, and counts what ran on each."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from measure import WorkError

SSHD_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
IN_A_ROW = 250
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Hosts:
    """Hosts and how to reach them.

    Attributes:
        tick: shell text of the command that is measured: it adds one byte to the file of the address it ran on. The
            shell does that by itself, so that no other program is started.
    """

    folder: Path
    port: int
    addresses: tuple[str, ...]
    user: str
    tick: str

    @property
    def key(self) -> Path:
        """The private key that every host accepts."""
        return self.folder / "user_key"

    @property
    def home(self) -> Path:
        """The home of whoever works on the hosts from here; its known_hosts names each of them."""
        return self.folder / "home"

    @property
    def known_hosts(self) -> Path:
        """Every host's key, one line each."""
        return self.home / ".ssh" / "known_hosts"

    def some(self, count: int) -> "Hosts":
        """Give the first few of them."""
        return Hosts(self.folder, self.port, self.addresses[:count], self.user, self.tick)

    def facts(self) -> dict[str, object]:
        """Give all that a peer has to know, as JSON can hold it."""
        return {**asdict(self), "folder": str(self.folder), "key": str(self.key), "known_hosts": str(self.known_hosts)}

    def check_ticks(self, each: int) -> None:
        """Make sure that the command ran so many times on each host, and forget it.

        Raises:
            WorkError: it ran another number of times on one of them.
        """
        ran = {path.name: path.stat().st_size for path in (self.folder / "ticks").iterdir()}
        wrong = [f"{name} {ran.get(name, 0)}" for name in self.addresses if ran.get(name, 0) != each]
        stray = sorted(ran.keys() - set(self.addresses))
        for name in ran:
            (self.folder / "ticks" / name).unlink()
        if wrong or stray:
            words = ", ".join((*wrong[:10], *stray[:10]))
            raise WorkError(f"{each} commands each were to run on {len(self.addresses)} hosts, but there were: {words}")


@contextmanager
def running_hosts(folder: Path, count: int) -> Iterator[Hosts]:
    """Start that many hosts, whose files are in a folder, and end them.

    Raises:
        WorkError: there is no sshd on this machine, or it does not start.
    """
    sshd = shutil.which("sshd", path=SSHD_PLACES)
    if sshd is None:
        raise WorkError("there is no sshd here (Debian: apt install openssh-server)")
    hosts = _prepared(folder, count)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sshd, "-D", "-f", folder / "sshd_config", "-E", folder / "sshd.log"], stdin=subprocess.DEVNULL
    )
    try:
        _wait_for(process, hosts)
        yield hosts
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _prepared(folder: Path, count: int) -> Hosts:
    (folder / "home" / ".ssh").mkdir(parents=True, mode=0o700)
    (folder / "remote_home").mkdir()
    (folder / "ticks").mkdir()
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # SSH_CONNECTION is "client port server port": the third word is the host's address.
    tick = f'set -- $SSH_CONNECTION; printf . >>"{folder}/ticks/$3"'
    hosts = Hosts(folder, port, _addresses(count), getpass.getuser(), tick)
    key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    hosts.known_hosts.write_text("".join(f"[{address}]:{port} {key}\n" for address in hosts.addresses))
    (folder / "sshd_config").write_text(
        "\n".join(
            [
                f"Port {port}",
                # One sshd listens on 16 addresses at most, so it listens on all and lets nobody in from elsewhere.
                "ListenAddress 0.0.0.0",
                f"AllowUsers {hosts.user}@127.0.0.0/8",
                f"HostKey {folder / 'host_key'}",
                f"AuthorizedKeysFile {folder / 'authorized_keys'}",
                f"PidFile {folder / 'sshd.pid'}",
                # What tools leave behind goes here, and no shell start-up file is read.
                f"SetEnv HOME={folder / 'remote_home'}",
                "LogLevel ERROR",
                "StrictModes no",
                "UsePAM no",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "PermitRootLogin prohibit-password",
                "MaxStartups 1000",
                "MaxSessions 100",
                "Subsystem sftp internal-sftp",
            ]
        )
        + "\n"
    )
    return hosts


def _addresses(count: int) -> tuple[str, ...]:
    return tuple(f"127.0.{1 + number // IN_A_ROW}.{1 + number % IN_A_ROW}" for number in range(count))


def _wait_for(process: subprocess.Popen[bytes], hosts: Hosts) -> None:
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex((hosts.addresses[0], hosts.port)) == 0:
                return
        time.sleep(0.02)
    words = (hosts.folder / "sshd.log").read_text() if (hosts.folder / "sshd.log").exists() else ""
    raise WorkError(f"sshd does not listen on port {hosts.port}: {words}")
