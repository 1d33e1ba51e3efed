"""Machines that advance a run, each with a name, a home and a copy of the project of its own: processes or containers.

A container has this machine's programs (`/usr`, Python, the product) read-only, and nobody to reach but the journal.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = ("team.yml", "runbooks", "plugins", "inventories/demo")
SECONDS = 180
_UNWANTED = ("RUNBOOK_", "AWS_", "NO_COLOR", "CI")


def copy_project(to, journal):
    """Copy the project that stands in the repository, with another journal."""
    to.mkdir(parents=True)
    for name in PROJECT:
        source, target = ROOT / name, to / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    config = (ROOT / "runbook.toml").read_text().splitlines()
    kept = [line for line in config if not line.startswith("journal")]
    (to / "runbook.toml").write_text("\n".join([f'journal = "{journal}"', *kept]) + "\n")


def environment(home, **more):
    """Give the environment of a machine's programs; nothing of the user's own cloud is in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_UNWANTED)}
    python = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}
    return {**kept, "TZ": "UTC", "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", **python, **more}


class _Machine:
    """A folder with a copy of the project and a home."""

    def __init__(self, folder, journal):
        self.name, self.project, self.home = folder.name, folder / "project", folder / "home"
        copy_project(self.project, journal)
        self.home.mkdir()

    @staticmethod
    def argv(*words):
        return [sys.executable, "-m", "runbook_engine.cli.main", *words]


class ProcessMachine(_Machine):
    """A machine that is only a process with another host's name, where that can be had (Linux, root)."""

    def __init__(self, folder, journal):
        super().__init__(folder, journal)
        named = subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False).returncode == 0
        rename = f'hostname {self.name} && exec "$@"'
        self.apart = ["unshare", "--uts", "sh", "-c", rename, "sh"] if named else []

    def start(self, *words):
        """Start a command."""
        return Running([*self.apart, *self.argv(*words)], self)

    def __call__(self, *words):
        """Run a command to its end."""
        running = self.start(*words)
        assert running.ended() == 0, running.said()
        return running.said()


class Running:
    """A command of a machine that is a process."""

    def __init__(self, argv, machine):
        self.log = machine.home / f"log-{len(list(machine.home.glob('log-*')))}"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                argv,
                cwd=machine.project,
                env=environment(machine.home),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def said(self):
        return self.log.read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        """Let it go on, if it was frozen."""
        self.process.send_signal(signal.SIGCONT)  # (does nothing when it is over)

    def ended(self):
        """Wait for its end; gives its exit code."""
        return self.process.wait(SECONDS)

    @property
    def is_over(self):
        return self.process.poll() is not None

    def close(self):
        if not self.is_over:
            self.process.kill()
            self.thaw()
            self.process.wait()


class ContainerMachine(_Machine):
    """A machine that is a container: started with a command, and over with it.

    Args:
        net: the network that it is in.
    """

    def __init__(self, folder, journal, net):
        super().__init__(folder, journal)
        self.net = net

    def start(self, *words):
        """Start a container that runs a command."""
        return Contained(self, self.argv(*words))


class Contained:
    """A command that is a container's."""

    def __init__(self, machine, argv):
        from testcontainers.core.container import DockerContainer

        from support.containers import IMAGE

        made = DockerContainer(IMAGE).with_command(argv).with_network(machine.net.network)
        readable = {"/usr", sys.prefix, sys.base_prefix, str(ROOT), *filter(os.path.isdir, sys.path)}
        for place in readable:
            made.with_volume_mapping(place, place, "ro")
        for place in (machine.project, machine.home):
            made.with_volume_mapping(str(place), str(place), "rw")
        given = environment(machine.home)
        kept = ("PATH", "LANG", "LC_ALL", "HOME", "TZ", "PYTHONPATH", "PYTHONUNBUFFERED", "AWS_EC2_METADATA_DISABLED")
        made.with_envs(**{name: given[name] for name in kept if name in given})
        made.with_kwargs(hostname=machine.name, working_dir=str(machine.project))
        self.log, self.made = machine.name, made.start()
        self.container = made.get_wrapped_container()

    def said(self):
        return self.container.logs().decode(errors="replace")

    def kill(self):
        """Take its power away."""
        self.container.kill()
        self.container.wait(timeout=SECONDS)

    def freeze(self):
        self.container.pause()

    def thaw(self):
        self.container.unpause()

    def ended(self):
        """Wait for its end; gives its exit code."""
        return self.container.wait(timeout=SECONDS)["StatusCode"]

    @property
    def is_over(self):
        self.container.reload()
        return self.container.status == "exited"

    def close(self):
        self.container.remove(force=True)  # (a paused one, too)
