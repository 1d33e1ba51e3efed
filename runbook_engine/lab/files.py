"""Where the lab keeps things in its state folder, and how it writes a file all at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The names of everything below the lab's state folder."""

    root: Path

    @property
    def record(self) -> Path:
        """All addresses of the running lab; exists only while everything is ready."""
        return self.root / "lab.json"

    @property
    def inventory(self) -> Path:
        """An inventory source that says where everything is."""
        return self.root / "inventory.yml"

    @property
    def inventory_program(self) -> Path:
        """The same in the form that an inventory program prints."""
        return self.root / "inventory.json"

    @property
    def aws_config(self) -> Path:
        """An AWS configuration whose profile `lab` leads to the lab's cloud."""
        return self.root / "aws-config"

    @property
    def for_the_user(self) -> tuple[Path, ...]:
        """What says where the lab is, and so is true only while it runs."""
        return (self.inventory, self.inventory_program, self.aws_config)

    @property
    def ports(self) -> Path:
        """The ports of the last lab in this folder, which the next one takes again."""
        return self.root / "ports.json"

    @property
    def said(self) -> Path:
        """What a lab in the background says."""
        return self.root / "lab.log"

    @property
    def marker(self) -> Path:
        """Shows that the folder is a lab's own; locked by the lab that runs in it."""
        return self.root / ".lab"

    @property
    def data(self) -> Path:
        """Database files: `<region>/<instance>.sqlite` and `snapshots/<snapshot>.sqlite`."""
        return self.root / "data"

    @property
    def snapshots(self) -> Path:
        """The bytes behind each RDS snapshot, with a manifest beside each."""
        return self.data / "snapshots"

    @property
    def hosts(self) -> Path:
        """One folder per app host."""
        return self.root / "hosts"

    @property
    def releases(self) -> Path:
        """Release archives, as a build server would keep them."""
        return self.root / "releases"

    @property
    def mail(self) -> Path:
        """Received messages and their log."""
        return self.root / "mail"

    @property
    def second_cloud(self) -> Path:
        """What the second AWS emulator writes, if it was ever asked."""
        return self.root / "second-cloud"

    @property
    def request_log(self) -> Path:
        """Every request made to the AWS endpoint since the lab became ready."""
        return self.root / "aws-requests.ndjson"

    @property
    def seed_request_log(self) -> Path:
        """The requests with which the lab filled its own cloud before it became ready."""
        return self.root / "aws-seed-requests.ndjson"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which a lab begins anew each time."""
        return (self.data, self.hosts, self.releases, self.mail, self.second_cloud)

    @property
    def everything(self) -> tuple[Path, ...]:
        """All that a lab makes; the marker last, because it says that the rest is a lab's."""
        logs = (self.request_log, self.seed_request_log, self.said)
        return (self.record, *self.for_the_user, *self.folders, *logs, self.ports, self.marker)

    def database(self, region: str, instance: str) -> Path:
        """The file that holds the rows of an RDS instance."""
        return self.data / region / f"{instance.lower()}.sqlite"


def write_atomically(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Put `content` at `path` so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
