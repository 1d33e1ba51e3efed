"""Reads the files of an inventory: inside their folders only, bounded in size, each remembered by its hash."""

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from runbook_engine.loading.folder import read_hint
from runbook_engine.loading.inventory.findings import Findings, Place
from runbook_engine.loading.inventory.instances import DescribeInstances
from runbook_engine.loading.inventory.vault import Vault, is_vaulted
from runbook_engine.model.config import Limits


class InventoryFiles:
    """The way to the disk for one load: what may be read, what was read, and how it is named to the user.

    Args:
        project: the project's folder; paths in it are shown relative to it.
        sources: files and folders that the operator named; their folders may be read too.
        limits: bounds on size.
        findings: receives what can't be read.
        vault: decrypts what is encrypted.
        describe: asks EC2 for instances; None where that can't be done.
    """

    def __init__(
        self,
        project: Path,
        sources: Iterable[Path],
        limits: Limits,
        findings: Findings,
        vault: Vault | None = None,
        describe: DescribeInstances | None = None,
    ) -> None:
        self.limits = limits
        self.vault = vault or Vault()
        self.describe = describe
        self.hashes: dict[str, str] = {}
        self._findings = findings
        self._project = Path(os.path.realpath(project))
        self._explicit = {os.path.realpath(source) for source in sources}
        folders = (source if source.is_dir() else source.parent for source in sources)
        self._roots = [self._project, *(Path(os.path.realpath(folder)) for folder in folders)]

    def shown(self, path: Path) -> str:
        """Name a file as the user would type it: relative to the project if it is inside."""
        absolute = Path(os.path.realpath(path.parent)) / path.name
        return str(absolute.relative_to(self._project) if absolute.is_relative_to(self._project) else absolute)

    @property
    def project(self) -> Path:
        """The project's folder."""
        return self._project

    def read(self, path: Path, *, may_be_vaulted: bool = False) -> bytes | None:
        """Read a regular file and remember its hash; nothing when it may not or can't be read (a finding says why)."""
        place, real = Place(self.shown(path)), os.path.realpath(path)
        if not self._is_inside(real):
            self._findings.add("RB302", place, "the file is a link that leads out of the project and its inventory")
            return None
        try:
            content = self._read_regular(real)
        except OSError as error:
            self._findings.add("RB301", place, f"can't read the file: {error.strerror or error}", read_hint(error))
            return None
        if content is None:
            self._findings.add("RB301", place, "this is no regular file", "name a file or a folder")
        elif len(content) > self.limits.file_bytes:
            self._findings.add(
                "RB301",
                place,
                f"the file is larger than {self.limits.file_bytes} bytes",
                "split it, or raise limits.file_bytes in runbook.toml",
            )
            content = None
        elif is_vaulted(content) and not may_be_vaulted:
            self._findings.add(
                "RB305",
                place,
                "the file is encrypted with ansible-vault; a source of hosts can't be",
                "encrypt files of group_vars and host_vars, or single values with !vault",
            )
            content = None
        if content is not None:
            self.hashes[place.file] = hashlib.sha256(content).hexdigest()
        return content

    def entries(self, folder: Path) -> list[Path]:
        """List a folder in byte order of the names; nothing when it may not or can't be listed (a finding says why)."""
        if not self._is_inside(os.path.realpath(folder)):
            place = Place(self.shown(folder))
            self._findings.add("RB302", place, "the folder is a link that leads out of the project and its inventory")
            return []
        try:
            return sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name))
        except OSError as error:
            self._findings.add(
                "RB301", Place(self.shown(folder)), f"can't list the folder: {error.strerror}", read_hint(error)
            )
            return []

    def _is_inside(self, real: str) -> bool:
        return real in self._explicit or any(Path(real).is_relative_to(root) for root in self._roots)

    def _read_regular(self, real: str) -> bytes | None:
        """Read one byte more than allowed at most; without waiting for a writer if it is a pipe."""
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            return file.read(self.limits.file_bytes + 1)
