"""The deploy command a runbook runs on an app host: unpack a release and make the host serve it.

The release is unpacked, then `app.json` is replaced, and last of all `releases/<version>/.complete` appears: whoever
sees it may skip the deployment. Each execution adds one line to `deploy.log` when it begins.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import sqlite3
import sys
import tarfile
import time
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runbook_engine.lab import dataset
from runbook_engine.lab.errors import LabError
from runbook_engine.lab.files import write_atomically

COMPLETE = ".complete"
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, slots=True)
class Release:
    """What is to be served: an archive, its version, the data and the region."""

    archive: Path
    version: str
    db: Path
    region: str
    sha256: str | None = None


def main(arguments: list[str] | None = None) -> int:
    """Deploy or deactivate; exit code 0 when done, 1 when refused, with the reason on stderr."""
    options = _parser().parse_args(arguments)
    try:
        said = deactivate(options.host_dir) if options.deactivate else _deploy(options)
    except (LabError, OSError) as error:
        sys.stderr.write(f"deploy: refused: {error}\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


def deploy(host: Path, release: Release, pause: float = 0.0) -> str:
    """Make `host` serve `release`; raises LabError if the data, the archive or the host is not fit for it.

    `pause` (seconds) is waited between unpacking and activation, so that a rehearsal can interrupt there.
    """
    if not host.is_dir():
        raise LabError(f"no such host folder: {host}", "is the lab up?")
    _log(host, f"deploy version={release.version} region={release.region} db={release.db}")
    if not VERSION.fullmatch(release.version):
        raise LabError(f"not a version: {release.version!r}", "letters, digits and . _ + - only")
    _check_data(release.db)
    _check_archive(release)
    target = host / "releases" / release.version
    _unpack(release, target)
    time.sleep(pause)
    db = str(release.db.absolute())
    _activate(host, {"version": release.version, "db": db, "region": release.region, "active": True})
    write_atomically(target / COMPLETE, f"{_now()}\n".encode())
    return f"{host.name} serves {release.version} in {release.region}"


def deactivate(host: Path) -> str:
    """Make the host a standby again; its releases stay but must be deployed anew."""
    _log(host, "deactivate")
    config = host / "app.json"
    if not config.exists():
        return f"{host.name} was a standby already"
    document = json.loads(config.read_bytes())
    (host / "releases" / document["version"] / COMPLETE).unlink(missing_ok=True)
    _activate(host, {**document, "active": False})
    return f"{host.name} is a standby"


def _deploy(options: argparse.Namespace) -> str:
    missing = [f"--{name}" for name in ("release", "db", "region", "version") if not vars(options)[name]]
    if missing:
        raise LabError(f"missing {', '.join(missing)}", "all of them are needed to deploy")
    release = Release(options.release, options.version, options.db, options.region, options.sha256)
    return deploy(options.host_dir, release, pause=options.pause)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runbook_engine.lab.deploy", description=__doc__)
    parser.add_argument("--host-dir", type=Path, required=True, help="folder of the host")
    parser.add_argument("--release", type=Path, help="release archive (.tar.gz)")
    parser.add_argument("--sha256", help="expected SHA-256 of the archive, hexadecimal")
    parser.add_argument("--db", type=Path, help="database file to serve; must exist")
    parser.add_argument("--region", help="region the host belongs to, such as eu-west-1")
    parser.add_argument("--version", help="version of the release, such as 1.4.2")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds to wait before activation")
    parser.add_argument("--deactivate", action="store_true", help="make the host a standby again")
    return parser


def _check_data(db: Path) -> None:
    if not db.is_file():
        raise LabError(f"the database {db} does not exist", "restore it before the app is deployed")
    try:
        dataset.describe(db)
    except sqlite3.Error as error:
        raise LabError(f"{db} is not the app's database: {error}", "was the right instance restored?") from error


def _check_archive(release: Release) -> None:
    if not release.archive.is_file():
        raise LabError(f"the release {release.archive} does not exist", "fetch it first")
    if release.sha256 is None:
        return
    actual = hashlib.sha256(release.archive.read_bytes()).hexdigest()
    if actual != release.sha256.lower():
        raise LabError(f"{release.archive} has SHA-256 {actual}, not {release.sha256}", "fetch it again")


def _unpack(release: Release, target: Path) -> None:
    """Unpack beside the target and move it there whole; an earlier attempt's remains give way."""
    part = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        with tarfile.open(release.archive) as archive:
            _extract(archive, part)
        if not (part / "release.json").is_file():
            raise LabError(f"{release.archive} has no release.json", "it is not a release of this app")
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise LabError(f"{release.archive} cannot be unpacked: {error}", "fetch it again") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Extract files and folders, nothing that leads elsewhere; early releases of Python 3.11 have no filter for it."""
    top = folder.resolve()
    for member in archive:
        place = (top / member.name).resolve()
        if not place.is_relative_to(top) or not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name} is no file or folder inside the release")
        if member.isdir():
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        content = archive.extractfile(member)
        place.write_bytes(content.read() if content is not None else b"")
        place.chmod(0o755 if member.mode & 0o100 else 0o644)


def _activate(host: Path, document: dict[str, object]) -> None:
    write_atomically(host / "app.json", json.dumps(document, indent=2).encode() + b"\n")


def _log(host: Path, line: str) -> None:
    with (host / "deploy.log").open("a", encoding="utf-8") as log:
        log.write(f"{_now()} pid={os.getpid()} {line}\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


if __name__ == "__main__":
    sys.exit(main())
