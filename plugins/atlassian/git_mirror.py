"""Brings one repository's mirror up to date and makes a bundle of it that is proven to restore.

Nothing of the previous backup is lost before the new one is whole: a bundle's name holds its digest, and the old one
stays until the manifest no longer names it. A branch that was deleted or rewritten stays under `refs/runbook-kept/`.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .git_command import GitError, JobError, Login, Repository, refs_digest
from .git_files import file_digest, locked, sync_folder, write_whole

KEPT = "refs/runbook-kept/"
_PACKS = 50
_NOTES = 20
_IS_NOTE = re.compile(r"((error|warning) in (commit|tree|tag|blob) [0-9a-f]+: |notice: |dangling |unreachable |$)")
_OF_CONTENT = 0b101  # git-fsck(1): an object or a pack has an error


@dataclass(frozen=True)
class MirrorJob:
    """What to mirror where.

    Attributes:
        folder: of the whole backup.
        identity: the repository's UUID, 32 hexadecimal digits; it names the mirror.
        name: the repository's slug; it names the bundle.
        head: the reference that HEAD stands for at the origin; empty when not known.
        mark: of the attempt that does it.
    """

    url: str
    folder: str
    identity: str
    name: str
    head: str
    mark: str


def mirror(job: MirrorJob, login: Login) -> dict[str, object]:
    """Mirror it and give its state, which is written beside the mirror as well.

    Raises:
        JobError: it can't be done; the state and the bundle are those of before.
    """
    folder = Path(job.folder)
    for part in ("mirrors", "bundles"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with locked(folder / "mirrors" / f"{job.identity}.lock") as lock:
        return _Mirror(job, login, folder, lock).run()


class _Mirror:
    """One mirror, while its lock is held."""

    def __init__(self, job: MirrorJob, login: Login, folder: Path, lock: int) -> None:
        self.job, self.login, self.lock = job, login, lock
        self.mirrors, self.bundles = folder / "mirrors", folder / "bundles"
        self.state_file = self.mirrors / f"{job.identity}.json"
        self.repository = Repository(self.mirrors / f"{job.identity}.git", keep=(lock,))
        self.repaired = False

    def run(self) -> dict[str, object]:
        try:
            return self._run()
        finally:
            self._clean()

    def _run(self) -> dict[str, object]:
        self._clean()
        before = _read_state(self.state_file)
        known = _refs_in(before)
        confirmed = datetime.now(UTC)
        notes = self._fetch()
        refs = self.repository.refs(without=KEPT)
        self._keep(known, refs, confirmed)
        if self.job.head.startswith("refs/heads/"):
            self.repository.local("symbolic-ref", "HEAD", self.job.head)
        state = {
            **self._bundle(before, refs),
            "name": self.job.name,
            "head": self.job.head,
            "confirmed": confirmed.isoformat(timespec="seconds"),
            "mark": self.job.mark,
            "notes": notes,
            "repaired": self.repaired,
            "refs": refs,
        }
        write_whole(self.state_file, json.dumps(state, sort_keys=True).encode())
        return {"changed": state["changed"]}

    def _clean(self) -> None:
        """Remove what a killed process left half done; the lock says that nobody is at it now."""
        for path in (self._fresh().path, self._proof().path):
            shutil.rmtree(path, ignore_errors=True)
        for path in self.bundles.glob(f".{self.job.identity}.*"):
            path.unlink(missing_ok=True)
        if self.repository.path.is_dir():
            for path in [*self.repository.path.rglob("*.lock"), *self.repository.path.glob("objects/pack/tmp_*")]:
                path.unlink(missing_ok=True)

    def _fetch(self) -> list[str]:
        """Fetch into the mirror that is there, or, when it is not there or damaged, into a new one."""
        damage = ""
        if self.repository.path.is_dir():
            try:
                self.repository.make()
                self._pull(self.repository)
                notes = _fsck(self.repository)
            except GitError as error:
                if _is_sound(self.repository):
                    raise  # the trouble is not the mirror's
                self.repaired = True
                damage = error.message
            else:
                self._repack()
                return notes
        fresh = self._fresh()
        fresh.make()
        self._pull(fresh)
        notes = _fsck(fresh)
        if damage:
            notes = [f"the mirror was damaged and made anew: {damage}", *notes, *self._rescue(fresh)]
        shutil.rmtree(self.repository.path, ignore_errors=True)
        fresh.path.rename(self.repository.path)
        sync_folder(self.mirrors)
        return notes

    def _pull(self, repository: Repository) -> None:
        repository.online(
            self.job.url, self.login, "fetch", "--quiet", "--prune", "--no-write-fetch-head", "--no-tags",
            self.job.url, "+refs/*:refs/*", f"^{KEPT}*",
        )  # fmt: skip

    def _repack(self) -> None:
        """Put many packs into one; what no reference reaches stays."""
        if len(list(self.repository.path.glob("objects/pack/*.pack"))) > _PACKS:
            self.repository.local("repack", "-a", "-d", "-k", "-q")

    def _rescue(self, fresh: Repository) -> list[str]:
        """Take over what the damaged mirror alone has; where that can't be read, leave the mirror aside."""
        try:
            fresh.from_file("fetch", "--quiet", "--no-write-fetch-head", str(self.repository.path), f"{KEPT}*:{KEPT}*")
        except GitError:
            aside = self.repository.path.with_name(f"{self.job.identity}.damaged-{int(time.time())}.git")
            self.repository.path.rename(aside)
            return [f"what it kept of deleted branches could not all be read; it was left aside as {aside.name}"]
        return []

    def _keep(self, before: Mapping[str, str], after: Mapping[str, str], now: datetime) -> None:
        """Keep what was deleted or rewritten at the origin since the last backup."""
        stamp = now.strftime("%Y%m%dT%H%M%S.%fZ")  # (two backups may lie in one second, and a name twice in them)
        lost = [name for name, oid in before.items() if after.get(name) != oid and not self._follows(oid, after, name)]
        lines = [
            f"update {KEPT}{stamp}/{name.removeprefix('refs/')} {before[name]}\n"
            for name in lost
            if self._has(before[name])
        ]
        if lines:
            self.repository.local("update-ref", "--stdin", given="".join(lines).encode("utf-8", "surrogateescape"))

    def _follows(self, old: str, after: Mapping[str, str], name: str) -> bool:
        if name not in after:
            return False
        return self._asks("merge-base", "--is-ancestor", old, after[name])

    def _has(self, oid: str) -> bool:
        return self._asks("cat-file", "-e", oid)

    def _asks(self, *arguments: str) -> bool:
        try:
            self.repository.local(*arguments)
        except GitError:
            return False
        return True

    def _bundle(self, before: Mapping[str, object], refs: Mapping[str, str]) -> dict[str, object]:
        """Make the bundle, unless the one that is there holds the same; prove that it restores."""
        digest = refs_digest(refs)
        same = before.get("refs_sha256") == digest and before.get("head") == self.job.head
        if same and self._is_whole(before):
            keys = ("refs_sha256", "references", "bundle", "bytes", "sha256", "lfs")
            return {**{key: before[key] for key in keys}, "changed": False}
        found = {"refs_sha256": digest, "references": len(refs), "lfs": _uses_lfs(self.repository), "changed": True}
        if not refs:
            return {**found, "bundle": "", "bytes": 0, "sha256": ""}
        part = self.bundles / f".{self.job.identity}.part"
        self.repository.local("bundle", "create", "--quiet", str(part), f"--exclude={KEPT}*", "--all")
        self._prove(part, digest)
        sha256 = file_digest(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        bundle = self.bundles / f"{self.job.name}.{self.job.identity[:8]}.{sha256[:12]}.bundle"
        size = part.stat().st_size
        part.replace(bundle)
        sync_folder(self.bundles)
        return {**found, "bundle": f"bundles/{bundle.name}", "bytes": size, "sha256": sha256}

    def _is_whole(self, state: Mapping[str, object]) -> bool:
        name = state.get("bundle")
        if name == "":
            return True
        path = self.bundles.parent / str(name)
        named_so = path.name.startswith(f"{self.job.name}.{self.job.identity[:8]}.")
        return named_so and path.is_file() and file_digest(path) == state.get("sha256")

    def _prove(self, bundle: Path, digest: str) -> None:
        """Restore the bundle beside it: what comes out must be what went in."""
        proof = self._proof()
        proof.make()
        proof.from_file("fetch", "--quiet", "--no-write-fetch-head", "--no-tags", str(bundle), "+refs/*:refs/*")
        if refs_digest(proof.refs()) != digest:
            raise JobError("the bundle that was made does not restore what the mirror has", "run again")
        shutil.rmtree(proof.path)

    def _fresh(self) -> Repository:
        return Repository(self.mirrors / f"{self.job.identity}.fresh.git", keep=(self.lock,))

    def _proof(self) -> Repository:
        return Repository(self.mirrors / f"{self.job.identity}.proof.git", keep=(self.lock,))


def _fsck(repository: Repository) -> list[str]:
    """Check every object; what is malformed but whole, as old histories have it, is noted and no damage.

    Raises:
        GitError: objects are missing or damaged.
    """
    try:
        repository.local("fsck", "--full", "--no-dangling", "--no-progress")
    except GitError as error:
        # A malformed object in a pack counts as an error of the pack, too; what is damaged has lines of other kinds.
        said = any(line.startswith("error in ") for line in error.lines)
        if error.status & ~_OF_CONTENT or not said or not all(_IS_NOTE.match(line) for line in error.lines):
            raise
        return [f"git fsck notes: {line[:200]}" for line in error.lines[:_NOTES]]
    return []


def _is_sound(repository: Repository) -> bool:
    try:
        _fsck(repository)
    except GitError:
        return False
    return True


def _uses_lfs(repository: Repository) -> bool:
    """Tell whether any .gitattributes of its history hands files to Git LFS, whose content no mirror has."""
    changes = repository.local(
        "log", "--all", "-m", "--raw", "--no-abbrev", "--no-renames", "--format=", "--", ":(glob)**/.gitattributes"
    )
    blobs = {line.split()[3] for line in changes.splitlines() if line.startswith(":")} - {"0" * 40}
    if not blobs:
        return False
    given = "".join(f"{oid}\n" for oid in sorted(blobs)).encode()
    return "filter=lfs" in repository.local("cat-file", "--batch", given=given)


def _read_state(path: Path) -> dict[str, object]:
    """Read what the last job noted; what can't be read counts as none, and the mirror is made anew."""
    try:
        state = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _refs_in(state: Mapping[str, object]) -> dict[str, str]:
    refs = state.get("refs")
    return {str(name): str(oid) for name, oid in refs.items()} if isinstance(refs, dict) else {}
