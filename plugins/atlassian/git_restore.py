"""Pushes a bundle into a repository that is empty, or that holds a part of it, and proves that both are equal then."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .git_command import JobError, Login, Repository, refs_digest
from .git_files import file_digest, locked

# What the service makes itself and lets nobody push.
SERVERS_OWN = ("refs/pull-requests/", "refs/pull/")


@dataclass(frozen=True)
class RestoreJob:
    """What to push where.

    Attributes:
        bundle: path of the bundle.
        sha256, refs_sha256: digests that the manifest gives of the file and of all references.
        head: the branch that is pushed first, because the service makes the first one its main branch.
        work: folder to unpack the bundle in.
    """

    url: str
    bundle: str
    sha256: str
    refs_sha256: str
    head: str
    work: str
    identity: str


def restore(job: RestoreJob, login: Login) -> dict[str, object]:
    """Push it and give what is there then.

    Raises:
        JobError: the bundle is damaged, the repository holds something else, or it can't be pushed.
    """
    work = Path(job.work)
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(work / f"{job.identity}.lock") as lock:
        repository = Repository(work / f"{job.identity}.git", keep=(lock,))
        shutil.rmtree(repository.path, ignore_errors=True)
        try:
            return _push(job, login, repository)
        finally:
            shutil.rmtree(repository.path, ignore_errors=True)


def pushable(refs: Mapping[str, str]) -> dict[str, str]:
    """Leave out the references that a service makes itself."""
    return {name: oid for name, oid in refs.items() if not name.startswith(SERVERS_OWN)}


def _push(job: RestoreJob, login: Login, repository: Repository) -> dict[str, object]:
    bundle = Path(job.bundle)
    if not bundle.is_file():
        raise JobError(f"{bundle} is not there", "is it the folder that bitbucket.mirror wrote?")
    if file_digest(bundle) != job.sha256:
        raise JobError(f"{bundle} is damaged: its SHA-256 is not the manifest's", "restore from another copy")
    repository.make()
    repository.from_file("fetch", "--quiet", "--no-write-fetch-head", "--no-tags", str(bundle), "+refs/*:refs/*")
    refs = repository.refs()
    if refs_digest(refs) != job.refs_sha256:
        raise JobError(f"{bundle} does not hold the references that the manifest names", "restore from another copy")
    wanted = pushable(refs)
    there = _there(job, login, repository)
    foreign = [name for name, oid in there.items() if wanted.get(name) != oid]
    if foreign:
        raise JobError(
            f"it is not empty and holds something else ({foreign[0]} and {len(foreign) - 1} more); nothing was pushed",
            "restore into an empty repository",
        )
    missing = [name for name in wanted if name not in there]
    own = "".join(f"delete {name}\n" for name in refs if name not in wanted)
    if own:
        repository.local("update-ref", "--stdin", given=own.encode("utf-8", "surrogateescape"))
    if job.head in missing and not there:
        repository.online(job.url, login, "push", "--quiet", job.url, f"{job.head}:{job.head}")
    if missing:
        # Without force: what came in between is never overwritten.
        repository.online(job.url, login, "push", "--quiet", job.url, "refs/*:refs/*")
    after = _there(job, login, repository)
    if after != wanted:
        raise JobError("after the push its references are not those of the backup", "did somebody push meanwhile?")
    return {"references": len(wanted), "pushed": len(missing), "left_out": len(refs) - len(wanted)}


def _there(job: RestoreJob, login: Login, repository: Repository) -> dict[str, str]:
    lines = repository.online(job.url, login, "ls-remote", "--quiet", "--refs", job.url).splitlines()
    found = {name: oid for oid, _, name in (line.partition("\t") for line in lines) if name.startswith("refs/")}
    return pushable(found)
