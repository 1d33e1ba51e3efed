"""File operations by shell commands, for targets on which another user's rights are needed (sudo)."""

import hashlib
import re
import shlex
from collections.abc import Callable

from runbook_engine.connections.files import NOT_KEPT, part_of
from runbook_engine.connections.local_files import kind_of
from runbook_engine.sdk import Command, CommandResult, FileAccessError, FileStat

_SECONDS = 120.0
_STAT = re.compile(r"([0-9a-f]{1,8}) ([0-9]{1,19}) (-?[0-9]{1,19}) ([0-9]{1,10}) ([0-9]{1,10})", re.ASCII)
_NOTHING = 44  # the scripts' own exit status for "there is nothing"


class ShellFiles:
    """The file operations of a connection, each by one command.

    Args:
        run: runs a command with the wanted rights and a time limit.
    """

    def __init__(self, run: Callable[[Command, float], CommandResult]) -> None:
        self._run = run

    def stat(self, path: str) -> FileStat | None:
        """Describe a path; None when there is nothing."""
        result = self._script(
            f"[ -e {_q(path)} ] || [ -L {_q(path)} ] || exit {_NOTHING}; stat -c '%f %s %Y %u %g' -- {_q(path)}"
        )
        if result.exit_status == _NOTHING:
            return None
        told = _good(result, "look at", path).stdout.decode("ascii", "replace")
        found = _STAT.fullmatch(told.strip())
        if found is None:
            raise FileAccessError(f"can't look at {path}: the target's stat says {told[:80]!r}")
        bits = int(found[1], 16)
        return FileStat(kind_of(bits), int(found[2]), bits & 0o7777, float(found[3]), int(found[4]), int(found[5]))

    def read(self, path: str, *, limit: int) -> bytes:
        """Read a file of at most `limit` bytes."""
        facts = self.stat(path)
        if facts is None:
            raise FileAccessError(f"can't read {path}: No such file or directory")
        content = bytearray()
        script = (
            f'dd bs=524288 skip="$1" count=1 iflag=fullblock if={_q(path)} 2>/dev/null || cat -- {_q(path)} >/dev/null'
        )
        for number in range(limit // 524288 + 2):
            piece = _good(self._run(Command(("sh", "-c", script, "sh", str(number))), _SECONDS), "read", path).stdout
            content += piece
            if len(content) > limit:
                raise FileAccessError(f"{path} is longer than {limit} bytes")
            if len(piece) < 524288:  # noqa: PLR2004 - the block above
                break
        return bytes(content)

    def sha256(self, path: str) -> str | None:
        """Give a file's SHA-256, None when it is not there."""
        result = self._script(f"[ -e {_q(path)} ] || exit {_NOTHING}; sha256sum <{_q(path)}")
        if result.exit_status == _NOTHING:
            return None
        return _good(result, "read", path).stdout.split()[0].decode("ascii")

    def listdir(self, path: str) -> tuple[str, ...]:
        """Name what is in a folder, sorted."""
        result = self._script(f"cd -- {_q(path)} && find . ! -name . -prune -print0")
        names = _good(result, "list", path).stdout.split(b"\0")
        return tuple(sorted(name[2:].decode("utf-8", "surrogateescape") for name in names if name))

    def write(self, path: str, content: bytes, *, mode: int | None = None) -> None:
        """Write a file by a temporary neighbour that is verified, then renamed."""
        temporary = part_of(path)
        digest = hashlib.sha256(content).hexdigest()
        keep = f'chmod --reference={_q(path)} -- "$t" 2>/dev/null || chmod 644 -- "$t"'
        same = f'o=$(stat -c %u:%g -- {_q(path)}) && n=$(stat -c %u:%g -- "$t") || exit 1'
        lines = (
            f"t={_q(temporary)}",
            f"if [ -d {_q(path)} ]; then echo 'it is a folder' >&2; exit 1; fi",
            "trap 'rm -f -- \"$t\"' EXIT",
            'rm -f -- "$t" && ( umask 077; set -C; cat >"$t" ) || exit 1',
            'h=$(sha256sum <"$t")',
            f"if [ \"${{h%% *}}\" != {digest} ]; then echo 'it did not arrive whole' >&2; exit 1; fi",
            f"if [ -f {_q(path)} ] && [ ! -L {_q(path)} ]; then {same}",
            f'[ "$o" = "$n" ] || chown "$o" -- "$t" 2>/dev/null || {{ echo {_q(NOT_KEPT)} >&2; exit 1; }}; fi',
            f'chmod {mode:o} -- "$t" || exit 1' if mode is not None else keep,
            'sync -- "$t" 2>/dev/null || sync',
            f'mv -f -- "$t" {_q(path)}',
        )
        self._checked("\n".join(lines), "write", path, content)

    def make_directory(self, path: str, *, mode: int | None = None) -> None:
        """Make a folder and its parents; an existing one is left as it is."""
        after = f" && chmod {mode:o} -- {_q(path)}" if mode is not None else ""
        self._checked(f"[ -d {_q(path)} ] || {{ mkdir -p -- {_q(path)}{after}; }}", "make the folder", path)

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits."""
        self._checked(f"chmod {mode:o} -- {_q(path)}", "set the mode of", path)

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder; nothing happens when it is not there."""
        p = _q(path)
        self._checked(f"if [ -d {p} ] && [ ! -L {p} ]; then rmdir -- {p}; else rm -f -- {p}; fi", "remove", path)

    def _script(self, script: str, stdin: bytes = b"") -> CommandResult:
        return self._run(Command(("sh", "-c", script), stdin), _SECONDS)

    def _checked(self, script: str, what: str, path: str, stdin: bytes = b"") -> None:
        _good(self._script(script, stdin), what, path)


def _good(result: CommandResult, what: str, path: str) -> CommandResult:
    if result.exit_status != 0:
        words = result.stderr.decode("utf-8", "replace").strip()[-300:] or f"exit status {result.exit_status}"
        raise FileAccessError(f"can't {what} {path}: {words}")
    return result


def _q(path: str) -> str:
    if "\0" in path:
        raise FileAccessError(f"{path!r} can't be a path")
    return shlex.quote(f"./{path}" if path.startswith("-") else path)
