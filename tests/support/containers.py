"""Hosts in containers, each with a network, processes and a disk of its own; through testcontainers.

Their image is made by `host_image.sh`. Their addresses are from 198.18.0.0/15, which no network that is in use has
(RFC 2544).
"""

import functools
import os
import random
import socket
import time
from ipaddress import ip_network
from pathlib import Path

from support.sshd import SSHD, write_config

IMAGE = "runbook-engine-test-host:1"
SECONDS = 60
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"

# No helper container that removes what is left (its image can't be had here): the fixtures remove what they made.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")


@functools.cache
def why_not():
    """Say why there can be no hosts in containers here; nothing when there can."""
    if SSHD is None:
        return "no ssh-keygen and sshd: install openssh-server"
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if address.startswith("unix://"):  # docker's client leaves a socket open where nobody answers
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(address.removeprefix("unix://"))
            except OSError as error:
                return f"no Docker engine here ({address}: {error.strerror})"
    import docker

    try:
        client = docker.from_env(timeout=10)
    except docker.errors.DockerException as error:
        return f"no Docker engine here ({error})"
    try:
        client.images.get(IMAGE)
    except docker.errors.DockerException as error:
        return f"the Docker engine has no image of a test host (tests/support/host_image.sh makes it): {error}"
    finally:
        client.close()
    return ""


class Net:
    """A network of its own that hosts are in, and that we are at the edge of, at the address `ours`."""

    def __init__(self):
        import docker
        from testcontainers.core.network import Network

        for _ in range(10):
            subnet = ip_network((0xC6120000 + random.randrange(2**13) * 16, 28))
            self.ours = str(subnet[1])
            pool = docker.types.IPAMPool(subnet=str(subnet), gateway=self.ours)
            pools = docker.types.IPAMConfig(pool_configs=[pool])
            try:
                self.network = Network(docker_network_kw={"ipam": pools}).create()
            except docker.errors.APIError as error:
                refused = error  # another network has these addresses
            else:
                return
        raise refused

    def stop(self):
        self.network.remove()


class Host:
    """A running host, reached at its own address; what it keeps on disk outlives its being killed.

    Args:
        folder: of its keys and its sshd's configuration.
        lines: further lines of that configuration.
        tmpfs: size by folder of small disks in memory.
    """

    def __init__(self, folder: Path, name: str, net: Net, *lines: str, tmpfs: dict[str, str] | None = None) -> None:
        from testcontainers.core.container import DockerContainer

        self.name, self.folder, self.net = name, folder, net
        write_config(folder, "0.0.0.0", 22, *lines)
        start = f"mkdir -p /run/sshd /counted && exec /usr/sbin/sshd -D -e -f {folder}/sshd_config"
        made = DockerContainer(IMAGE).with_command(["sh", "-c", start]).with_network(net.network)
        made.with_volume_mapping(str(folder), str(folder), "ro")
        made.with_kwargs(init=True, hostname=name, stop_signal="SIGKILL")
        for where, size in (tmpfs or {}).items():
            made.with_tmpfs_mount(where, f"size={size}")
        self.made = made.start()
        self.container = made.get_wrapped_container()
        self.address = self._address()
        self._wait_until_it_answers()

    def variables(self):
        """Give the inventory's variables of it."""
        return {
            "ansible_host": self.address,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.folder / "user_key"),
        }

    def known(self):
        """Give its line of a known_hosts file."""
        kind, key = (self.folder / "host_key.pub").read_text().split()[:2]
        return f"{self.address} {kind} {key}\n"

    def inside(self, shell):
        """Run a command in it, and give what that said."""
        status, output = self.container.exec_run(["sh", "-c", shell])
        assert status == 0, output
        return output.decode()

    def counted(self):
        """Give the lines that commands left on its disk."""
        return self.inside("cat /counted/* 2>/dev/null || true").split()

    def wait_for(self, word):
        """Wait until a command has left that word."""
        until = time.monotonic() + SECONDS
        while word not in self.counted():
            assert time.monotonic() < until, self.counted()
            time.sleep(0.05)

    def kill(self):
        """Take its power away."""
        self.container.kill()
        self.container.wait(timeout=SECONDS)

    def start_again(self):
        self.container.start()
        assert self._address() == self.address
        self._wait_until_it_answers()

    def pause(self):
        """Freeze everything in it."""
        self.container.pause()

    def unpause(self):
        self.container.unpause()

    def leave_the_network(self):
        """Pull its cable: no packet reaches it, and none comes from it."""
        self.net.network._unwrap_network.disconnect(self.container)

    def join_the_network(self):
        self.net.network._unwrap_network.connect(self.container, ipv4_address=self.address)
        self._wait_until_it_answers()

    def stop(self):
        self.made.stop(force=True)

    def _address(self):
        self.container.reload()
        (network,) = self.container.attrs["NetworkSettings"]["Networks"].values()
        return network["IPAddress"]

    def _wait_until_it_answers(self):
        until = time.monotonic() + SECONDS
        while True:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex((self.address, 22)) == 0:
                    return
            assert time.monotonic() < until, self.container.logs().decode()
            time.sleep(0.05)
