"""The use case `secrets edit`: the plaintext is in memory alone, and gone when the editor or this process is."""

import os
import shlex
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runbook_engine.app.project import OpenProject
from runbook_engine.app.run_secrets import age_files
from runbook_engine.app.secret_files import SUFFIX, put, refuse_place
from runbook_engine.app.unlock import AskSecret, until_open
from runbook_engine.loading.folder import real_path
from runbook_engine.model.errors import RunbookError, UsageError
from runbook_engine.secrets.age import read_age_file, seal
from runbook_engine.secrets.age_keys import has_passphrase

_MEMORY = frozenset({"ramfs", "tmpfs"})
_LARGEST = 16 << 20
# They keep what is edited beside the file and in the home folder: swap files, backups, registers, undo.
_QUIET = ("-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile")
_VIM = frozenset({"gvim", "nvim", "vim"})


def edit(
    project: OpenProject,
    path: Path,
    to: tuple[str, ...],
    ask: AskSecret | None,
    *,
    passphrase: str | None,
    environment: Mapping[str, str],
) -> bool:
    """Open an age file in the user's editor and encrypt what it became; gives whether it changed.

    Args:
        to: public keys to encrypt for; a file that has a passphrase keeps that instead.
        passphrase: for a file that is new.

    Raises:
        LockedError: a passphrase is wanted.
        SecretError: it can't be opened, or there is nobody to encrypt for.
        UsageError: no file can be put there.
        RunbookError: no folder in memory, the editor failed, or somebody else changed the file meanwhile.
    """
    refuse_place(path)
    before, answers = b"", dict[Path, str]()
    sealed = read_age_file(path) if path.exists() else None
    if sealed is not None:
        before = until_open(lambda given: age_files(project, given).open(path), ask, answers)
        passphrase = answers[path] if has_passphrase(sealed) else None
    seal(b"", to=to, passphrase=passphrase)  # before anybody has typed anything for nothing
    after = _edited(path.name.removesuffix(SUFFIX), before, environment)
    if after == before and sealed is not None:
        return False
    made = seal(after, to=to, passphrase=passphrase)
    if (read_age_file(path) if path.exists() else None) != sealed:
        kept = path.with_name(f"{path.name.removesuffix(SUFFIX)}.yours{SUFFIX}")
        put(kept, made)
        raise RunbookError(
            f"somebody else changed {path} meanwhile; it was left alone",
            hint=f"yours is in {kept}, encrypted: bring the two together",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, made)
    return True


def _edited(name: str, before: bytes, environment: Mapping[str, str]) -> bytes:
    editor = shlex.split(environment.get("VISUAL") or environment.get("EDITOR") or "vi")
    if editor and Path(editor[0]).name in _VIM:
        editor += _QUIET
    with _memory_folder(environment) as folder:
        file = folder / (name or "secret")
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(before)
        status = _run([*editor, str(file)])
        if status:
            raise RunbookError(f"the editor {editor[0]} ended with {status}; nothing was changed")
        return _read(file)


def _run(argv: list[str]) -> int:
    """Run the editor; Ctrl-C is its own matter meanwhile, as it is for git."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run(argv, check=False, preexec_fn=_heed).returncode
    except OSError as error:
        raise UsageError(
            f"the editor {argv[0]!r} can't be started: {error.strerror}", hint="set EDITOR to one that is installed"
        ) from error
    finally:
        signal.signal(signal.SIGINT, before)


def _heed() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _read(file: Path) -> bytes:
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
            is_file = stat.S_ISREG(os.fstat(opened.fileno()).st_mode)
            content = opened.read(_LARGEST + 1) if is_file else b""
    except OSError as error:
        raise RunbookError(f"the editor left no file: {error.strerror}; nothing was changed") from None
    if not is_file or len(content) > _LARGEST:
        raise RunbookError(f"the editor left no file of at most {_LARGEST >> 20} MiB; nothing was changed")
    return content


@contextmanager
def _memory_folder(environment: Mapping[str, str]) -> Iterator[Path]:
    """Give a folder that is in memory, and that somebody else removes should this process be killed."""
    place = next((path for path in _places(environment) if _is_in_memory(path)), None)
    if place is None:
        raise RunbookError(
            "there is no folder in memory (a tmpfs), and a secret's plaintext is not written to a disk",
            hint="set XDG_RUNTIME_DIR to one; `runbook secrets encrypt -` takes the new content from its input",
        )
    folder = Path(tempfile.mkdtemp(prefix="runbook-", dir=place))
    # It outlives a SIGKILL of ours: the pipe's end is what it waits for, in a session that no terminal signals.
    guard = subprocess.Popen(
        ("/bin/sh", "-c", 'cat >/dev/null; rm -rf -- "$1"', "sh", str(folder)),
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield folder
    finally:
        guard.communicate()


def _places(environment: Mapping[str, str]) -> list[Path]:
    named = environment.get("XDG_RUNTIME_DIR")
    return [*([Path(named)] if named else []), Path("/dev/shm")]  # noqa: S108 - it is a tmpfs, which is what is wanted


def _is_in_memory(path: Path) -> bool:
    """Tell whether a folder is on a tmpfs and ours to write; source: proc(5), mountinfo."""
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        return False
    real, best = real_path(path), ("", "")
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    for line in lines:
        head, _, tail = line.partition(" - ")
        point = head.split()[4]
        if real.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, tail.split()[0])
    return best[1] in _MEMORY
