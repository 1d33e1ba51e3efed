"""The shipped project with a workspace of Bitbucket beside it: what the recovery runbooks for source code run on."""

import contextlib
import os
import shutil
import signal
from pathlib import Path

from support.bitbucket import TOKEN, WORKSPACE
from support.plugins import PLUGINS

ROOT = Path(__file__).parents[2]
STANDBY = "standby"


class SourceProject:
    """A copy of the shipped runbooks and inventories, led to a fake Bitbucket by a second inventory.

    Args:
        call: the command line in an empty project.
    """

    def __init__(self, call, bitbucket, tmp_path):
        self.call, self.bitbucket, self.root = call, bitbucket, call.root
        self.backup, self.home = tmp_path / "backup", tmp_path / "home"
        self.home.mkdir()
        for name in ("runbooks", "inventories"):
            shutil.rmtree(self.root / name, ignore_errors=True)
            shutil.copytree(ROOT / name, self.root / name)
        shutil.copy(ROOT / "team.yml", self.root)
        call.write(
            "runbook.toml",
            f'inventory = "inventories/demo"\nplugins = ["{PLUGINS}"]\nsandbox = ["drill@example.com"]\n',
        )
        self.settings = {
            "bitbucket_workspace": WORKSPACE,
            "bitbucket_email": "backup@example.com",
            "bitbucket_api": bitbucket.rest.url,
            "bitbucket_git": bitbucket.git.url,
            "bitbucket_restore_workspace": STANDBY,
            "source_backup_folder": str(self.backup),
            "least_repositories": 2,
        }
        self.write_settings()
        self.secrets = {"BITBUCKET_TOKEN": TOKEN, "BITBUCKET_RESTORE_TOKEN": TOKEN, "HOME": str(self.home)}

    def write_settings(self, **more):
        self.settings |= more
        lines = "".join(f"    {name}: {value}\n" for name, value in self.settings.items())
        self.call.write("here.yml", f"all:\n  vars:\n{lines}")

    def run(self, *words, status=0):
        done = self.call("run", *words, "-i", "demo", "-i", "here.yml", **self.secrets)
        assert done.status == status, done.out + done.err
        return done

    def start(self, *words):
        return self.call.start("run", *words, "-i", "demo", "-i", "here.yml", **self.secrets)

    def resume(self, *words, status=0):
        done = self.call("resume", "--yes", *words, **self.secrets)
        assert done.status == status, done.out + done.err
        return done

    def outcomes(self):
        report = self.call("report", "last", "--format", "json").json
        return {step["id"]: step["tasks"][0]["outcome"] for step in report["steps"]}

    def jobs(self):
        """Give the processes that work for this project's attempts, git's included."""
        mark = f"HOME={self.home}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
            except OSError:
                continue  # it ended meanwhile, or is another user's
        return [pid for pid in found if pid != os.getpid()]

    def kill_jobs(self):
        for pid in self.jobs():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
