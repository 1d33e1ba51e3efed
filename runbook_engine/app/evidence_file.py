"""The form of an evidence bundle: a tar file of plain files, the sums of all of them, a signature of the sums."""

import gzip
import hashlib
import io
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from runbook_engine.loading.limited_file import open_plain
from runbook_engine.model.errors import JournalError
from runbook_engine.model.evidence import CONTROLS, EVENTS, MANIFEST, REPORT, SIGNATURE, SUMS

MOST_FILES = 500_000
MOST_BYTES = 8 << 30
_MOST_NAME = 1024
# Of what is read into memory; the largest that a run of 10,000 hosts has, several times over.
_LARGEST = {SIGNATURE: 64 << 10, SUMS: 64 << 20, MANIFEST: 64 << 20, CONTROLS: 16 << 20, REPORT: 128 << 20}
_LARGEST |= {EVENTS: 512 << 20}
_LARGEST_HEADER = 64 << 10
_PIECE = 1 << 20


class BundleError(JournalError):
    """A file is no evidence bundle, or is damaged; the message says where."""


class _Member(tarfile.TarInfo):
    """A header of a tar file; those that say something of the next one are read whole, and must be small."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Member":
        """Read one, see `tarfile.TarInfo`."""
        member = super().frombuf(buf, encoding, errors)
        if not member.isreg() and member.size > _LARGEST_HEADER:
            raise BundleError("the file has a header that no evidence bundle has")
        return member


class BundleWriter:
    """Writes a bundle; the same content gives the same bytes."""

    def __init__(self, file: IO[bytes], root: str, moment: datetime) -> None:
        self._root, self._moment = root, int(moment.timestamp())
        self._packed = gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0)
        self._tar = tarfile.open(fileobj=self._packed, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by close
        self._sums: dict[str, str] = {}

    def add(self, name: str, data: bytes) -> None:
        """Add a file."""
        self._sums[name] = hashlib.sha256(data).hexdigest()
        self._tar.addfile(self._member(name, len(data)), io.BytesIO(data))

    @contextmanager
    def streamed(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Add a file piece by piece, without having it in memory at once."""
        with tempfile.TemporaryFile() as file:
            digest = hashlib.sha256()

            def write(piece: bytes) -> None:
                digest.update(piece)
                file.write(piece)

            yield write
            size = file.tell()
            file.seek(0)
            self._tar.addfile(self._member(name, size), file)
            self._sums[name] = digest.hexdigest()

    def sums(self) -> bytes:
        """Give the sums of all files so far, as `sha256sum --check` reads them."""
        return "".join(f"{digest}  {name}\n" for name, digest in sorted(self._sums.items())).encode()

    def close(self) -> None:
        """End the file."""
        self._tar.close()
        self._packed.close()

    def _member(self, name: str, size: int) -> tarfile.TarInfo:
        member = tarfile.TarInfo(f"{self._root}/{name}")
        member.size, member.mtime, member.mode = size, self._moment, 0o644
        return member


def unpack(path: Path, into: Path) -> dict[str, str]:
    """Unpack a bundle, and give the SHA-256 of each of its files by name (without the folder they stand in).

    Nothing but plain files below one folder is taken, and no more than a bundle can have.

    Raises:
        BundleError: it is not a bundle, is cut off, or holds what no bundle has.
        OSError: the file can't be read, or the folder not be written.
    """
    with open_plain(path) as packed:
        try:
            with gzip.GzipFile(fileobj=packed) as stream:
                found = _members(stream, into)
                left = MOST_BYTES
                while (piece := stream.read(_PIECE)) and left > 0:  # to its end, where the sum of all stands
                    left -= len(piece)
                    if piece.strip(b"\0"):
                        raise BundleError("the file has something behind its end, which no evidence bundle has")
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise BundleError("the file holds a file in place of a folder, which no evidence bundle has") from error
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError) as error:
            raise BundleError(f"{path.name} is no evidence bundle, or is cut off or damaged ({error})") from error
    return found


def _members(stream: gzip.GzipFile, into: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    left = MOST_BYTES
    roots: set[str] = set()
    with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8", errors="strict", tarinfo=_Member) as tar:
        for member in tar:
            root, name = _place(member)
            roots.add(root)
            left -= member.size
            if left < 0 or len(found) >= MOST_FILES:
                raise BundleError("the file unpacks to more than any evidence bundle has")
            source = tar.extractfile(member)
            if member.size > _LARGEST.get(name, MOST_BYTES):
                raise BundleError(f"{name} is larger than that of any evidence bundle")
            if source is None or len(roots) > 1 or name in found:
                raise BundleError(f"the file holds {member.name!r}, which no evidence bundle has")
            found[name] = _copied(source, into / name)
    return found


def check_sums(folder: Path, found: dict[str, str]) -> bytes:
    """Compare the files with the sums beside them, and give the text of the sums, which is what was signed.

    Raises:
        BundleError: a file was changed, removed or added.
    """
    if SUMS not in found or SIGNATURE not in found:
        raise BundleError(f"the bundle has no {SUMS if SUMS not in found else SIGNATURE}: it is no evidence bundle")
    text = (folder / SUMS).read_bytes()
    listed: dict[str, str] = {}
    for raw in io.BytesIO(text):
        line = raw.decode(errors="replace").rstrip("\n")
        digest, separator, name = line.partition("  ")
        if not separator or name in listed:
            raise BundleError(f"{SUMS} is damaged: {line[:100]!r}")
        listed[name] = digest
    for name in sorted(listed.keys() | found.keys() - {SUMS, SIGNATURE}):
        if name not in found:
            raise BundleError(f"{name} was removed from the bundle")
        if name not in listed:
            raise BundleError(f"{name} was added to the bundle")
        if listed[name] != found[name]:
            raise BundleError(f"{name} was changed after the bundle was made")
    return text


def _place(member: tarfile.TarInfo) -> tuple[str, str]:
    """Give the folder and the name in it.

    Raises:
        BundleError: it is no plain file, or its name leads elsewhere.
    """
    place = PurePosixPath(member.name)
    strange = place.is_absolute() or ".." in place.parts or str(place) != member.name or "\0" in member.name
    if strange or not member.isreg() or len(place.parts) < 2 or len(member.name) > _MOST_NAME:  # noqa: PLR2004 - a folder and a name
        raise BundleError(f"the file holds {member.name[:200]!r}, which no evidence bundle has")
    return place.parts[0], str(place.relative_to(place.parts[0]))


def _copied(source: IO[bytes], target: Path) -> str:
    """Write a file, and give its SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as file:
        while piece := source.read(_PIECE):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()
