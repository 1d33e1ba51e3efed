"""A machine of its own: processes, network, mounts and boot id apart from ours. Linux namespaces; needs root and `ip`."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path

from support.sshd import SSHD, write_config

IP = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
SECONDS = 20
# Process 1 of the machine: gives it the boot id of this start, waits for its network, and becomes sshd.
INIT = """
mount --bind "$1/boot_id" /proc/sys/kernel/random/boot_id || exit 1
ip link set lo up
until ip -4 addr show dev eth0 2>/dev/null | grep -q inet; do sleep 0.02; done
exec "$2" -D -e -f "$1/sshd_config"
"""


def why_not():
    """Say why there can be no machine here; nothing when there can."""
    if SSHD is None:
        return "no sshd: install openssh-server"
    if os.geteuid() != 0 or IP is None:
        return "a machine of its own needs root and ip (Debian: iproute2)"
    tried = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "no namespaces of our own here: " + tried.stderr.decode()


class Machine:
    """A running machine, reached at its own address; what it keeps on disk outlives a reboot.

    Its addresses are from 198.18.0.0/15, which no network that is in use has (RFC 2544).
    """

    def __init__(self, folder: Path, name: str = "box") -> None:
        self.name, self.folder = name, folder
        folder.mkdir(parents=True)
        number = uuid.uuid4().int % 2**15 * 4
        self.ours, self.address = (
            f"198.{18 + number // 65536}.{number // 256 % 256}.{number % 256 + n}" for n in (1, 2)
        )
        self.link = f"rb{number}"
        write_config(folder, self.address, 22, f"SetEnv HOME={folder}")
        self.start()

    def start(self) -> None:
        """Boot it: a new boot id, the same disk."""
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        apart = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=KILL"]
        with (self.folder / "log").open("ab") as log:
            argv = ["unshare", *apart, "sh", "-c", INIT, "init", self.folder, SSHD]
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait(lambda: self._init_pid() is not None)
        pid = str(self._init_pid())
        self._wait(lambda: _network(pid) != _network("self"))
        _ip("link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", pid)
        _ip("addr", "add", f"{self.ours}/30", "dev", self.link)
        _ip("link", "set", self.link, "up")
        self.inside("ip", "link", "set", "eth0", "up")
        self.inside("ip", "addr", "add", f"{self.address}/30", "dev", "eth0")
        self._wait(self._answers)

    def inside(self, *argv):
        """Run a program in the machine's network."""
        subprocess.run(["nsenter", "--net", "--target", str(self._init_pid()), *argv], check=True, timeout=SECONDS)

    def drop_packets(self) -> None:
        """Drop each packet to and from us, without a word to anybody: no reset, no ICMP, the link stays up."""
        self.inside("ip", "route", "add", "blackhole", f"{self.ours}/32")

    def let_packets_through(self) -> None:
        self.inside("ip", "route", "del", "blackhole", f"{self.ours}/32")

    def reboot(self) -> None:
        """Lose all its processes at once, as with the power, and boot."""
        self.stop()
        self.start()

    def stop(self) -> None:
        if (init := self._init_pid()) is not None:
            os.kill(init, signal.SIGKILL)  # the kernel ends everything in its process namespace with it
        self.process.wait(SECONDS)
        # The link goes with the network that its other end is in, a moment later.
        self._wait(lambda: not Path(f"/sys/class/net/{self.link}").exists())

    def variables(self):
        """Give the inventory's variables of it."""
        return {
            "ansible_host": self.address,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(self.folder / "user_key"),
        }

    def _init_pid(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def _answers(self):
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.address, 22)) == 0

    def _wait(self, condition):
        until = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < until, f"the machine did not do it: {(self.folder / 'log').read_text()}"
            time.sleep(0.02)


def _network(pid):
    return Path(f"/proc/{pid}/ns/net").readlink()


def _ip(*words):
    subprocess.run([IP, *words], check=True, timeout=SECONDS)
