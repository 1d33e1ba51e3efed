"""File operations over SFTP: written to a temporary name, verified, and renamed over the old file in one step."""

import contextlib
import hashlib
import stat as stat_bits
import struct
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import paramiko

from runbook_engine.connections.files import NOT_KEPT, part_of
from runbook_engine.connections.local_files import kind_of
from runbook_engine.connections.ssh_pool import Link, SshPool
from runbook_engine.connections.ssh_settings import Hop
from runbook_engine.sdk import FileAccessError, FileStat, NoConnectionError, TargetUnreachableError

_SECONDS = 60.0
_PIECE = 262144
_TEXT = (
    "does the host print text before it (start-up files such as .bashrc, ForceCommand), or run a command of its own "
    "instead? `ssh HOST true` must print nothing"
)
# What paramiko says of an answer that is none: it has no one class for it.
_GARBLED = (paramiko.SFTPError, struct.error, IndexError)


class SshFiles:
    """The file operations of an SSH connection.

    Args:
        digest: gives a file's SHA-256 by a command on the target, None when that can't be done.
    """

    def __init__(self, pool: SshPool, route: tuple[Hop, ...], digest: Callable[[str], str | None]) -> None:
        self._pool, self._route, self._digest = pool, route, digest
        self._open: tuple[Link, paramiko.SFTPClient] | None = None

    def stat(self, path: str) -> FileStat | None:
        """Describe a path; None when there is nothing."""
        with self._told("look at", path) as files:
            try:
                facts = files.lstat(path)
            except FileNotFoundError:
                return None
        bits = facts.st_mode or 0
        return FileStat(
            kind_of(bits),
            facts.st_size or 0,
            stat_bits.S_IMODE(bits),
            float(facts.st_mtime or 0),
            facts.st_uid or 0,
            facts.st_gid or 0,
        )

    def read(self, path: str, *, limit: int) -> bytes:
        """Read a file of at most `limit` bytes."""
        content = bytearray()
        with self._told("read", path) as files, files.open(path, "rb") as file:
            while piece := file.read(min(_PIECE, limit + 1 - len(content))):
                content += piece
        if len(content) > limit:
            raise FileAccessError(f"{path} is longer than {limit} bytes")
        return bytes(content)

    def sha256(self, path: str) -> str | None:
        """Give a file's SHA-256: by the target's own tool, else by reading the file."""
        with self._told("read", path) as files:
            try:
                files.stat(path)
            except FileNotFoundError:
                return None
        if (found := self._digest(path)) is not None:
            return found
        digest = hashlib.sha256()
        with self._told("read", path) as files, files.open(path, "rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()

    def listdir(self, path: str) -> tuple[str, ...]:
        """Name what is in a folder, sorted."""
        with self._told("list", path) as files:
            return tuple(sorted(files.listdir(path)))

    def write(self, path: str, content: bytes, *, mode: int | None = None) -> None:
        """Write a file by a temporary neighbour that is verified, then renamed."""
        temporary = part_of(path)
        old = self.stat(path)
        if old is not None and old.kind == "directory":
            raise FileAccessError(f"can't write {path}: it is a folder")
        bits = mode if mode is not None else old.mode if old is not None and old.kind == "file" else 0o644
        try:
            # Left by an engine that was killed; a new one takes its place, so that nothing piles up.
            self.remove(temporary)
            with self._told("write", path) as files:
                with files.open(temporary, "wbx") as file:
                    file.set_pipelined(True)
                    for at in range(0, len(content), _PIECE):
                        file.write(content[at : at + _PIECE])
                made = files.stat(temporary)
                if (
                    old is not None
                    and old.kind == "file"
                    and (made.st_uid or 0, made.st_gid or 0) != (old.owner, old.group)
                ):
                    try:
                        files.chown(temporary, old.owner, old.group)
                    except PermissionError as error:
                        raise FileAccessError(f"can't write {path}: {NOT_KEPT}") from error
                files.chmod(temporary, bits)
                if made.st_size != len(content):
                    _short(path)
            found = self._digest(temporary)
            if found is not None and found != hashlib.sha256(content).hexdigest():
                _short(path)
            with self._told("write", path) as files:
                files.posix_rename(temporary, path)
        except FileAccessError:
            with contextlib.suppress(FileAccessError):
                self.remove(temporary)
            raise

    def make_directory(self, path: str, *, mode: int | None = None) -> None:
        """Make a folder and its parents; an existing one is left as it is."""
        with self._told("make the folder", path) as files:
            missing: list[str] = []
            for place in (PurePosixPath(path), *PurePosixPath(path).parents):
                try:
                    facts = files.stat(str(place))
                except FileNotFoundError:
                    missing.append(str(place))
                    continue
                if not stat_bits.S_ISDIR(facts.st_mode or 0):
                    raise FileExistsError(f"{place} is not a folder")
                break
            for folder in reversed(missing):
                files.mkdir(folder)
            if missing and mode is not None:
                files.chmod(path, mode)

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits."""
        with self._told("set the mode of", path) as files:
            files.chmod(path, mode)

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder; nothing happens when it is not there."""
        with self._told("remove", path) as files:
            try:
                folder = stat_bits.S_ISDIR(files.lstat(path).st_mode or 0)
            except FileNotFoundError:
                return
            if folder:
                files.rmdir(path)
            else:
                files.remove(path)

    def close(self) -> None:
        """Give the session back."""
        if self._open is not None:
            link, files = self._open
            self._open = None
            files.close()
            self._pool.release(link)

    def _client(self) -> paramiko.SFTPClient:
        if self._open is None:
            link, channel = self._pool.session(self._route)
            try:
                channel.settimeout(_SECONDS)
                channel.invoke_subsystem("sftp")
                self._open = (link, paramiko.SFTPClient(channel))
            except _GARBLED as error:
                channel.close()
                self._pool.release(link)
                raise NoConnectionError(
                    f"{self._route[-1].name}: no SFTP: what the server said is not SFTP ({error})", hint=_TEXT
                ) from error
            except (paramiko.SSHException, EOFError, OSError) as error:
                channel.close()
                self._pool.release(link)
                raise TargetUnreachableError(f"{self._route[-1].name}: no SFTP: {link.lost or error}") from error
        return self._open[1]

    @contextlib.contextmanager
    def _told(self, what: str, path: str) -> Iterator[paramiko.SFTPClient]:
        files = self._client()
        name = self._route[-1].name
        try:
            yield files
        except TimeoutError as error:
            self.close()
            raise TargetUnreachableError(
                f"{name}: no answer within {_SECONDS:g} s while it should {what} {path}"
            ) from error
        except _GARBLED as error:
            self.close()
            raise TargetUnreachableError(
                f"{name}: what the server said is not SFTP ({error}) while it should {what} {path}"
            ) from error
        except (EOFError, paramiko.SSHException) as error:
            self.close()
            raise TargetUnreachableError(f"{name}: the connection was lost while it should {what} {path}") from error
        except OSError as error:
            if self._open is not None and not self._open[0].transport.is_active():
                self.close()
                raise TargetUnreachableError(
                    f"{name}: the connection was lost while it should {what} {path}"
                ) from error
            raise FileAccessError(f"{name}: can't {what} {path}: {error.strerror or error}") from error


def _short(path: str) -> None:
    raise FileAccessError(f"can't write {path}: it did not arrive whole (is the disk full?)")
