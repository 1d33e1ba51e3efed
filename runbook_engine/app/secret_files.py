"""The use cases `secrets encrypt` and `secrets rekey`: age files of a project, replaced whole or not at all."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runbook_engine.app.project import OpenProject
from runbook_engine.app.run_secrets import age_files
from runbook_engine.app.unlock import AskSecret, until_open
from runbook_engine.loading.folder import real_path, shown
from runbook_engine.model.errors import InvalidInputError, UsageError
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.secrets.age import read_age_file, seal
from runbook_engine.secrets.age_keys import has_passphrase, recipients

SUFFIX = ".age"
_ROLE = "role:"
_SSH = ("ssh-ed25519", "ssh-rsa")
LARGEST = 16 << 20


def recipients_of(project: OpenProject, given: Sequence[str] = ()) -> tuple[str, ...]:
    """Give the public keys that the project encrypts for, roles resolved; each is proven to be one.

    Args:
        given: in place of the configured ones.

    Raises:
        InvalidInputError: a role that does not exist, or has no key that age can use.
        SecretError: one is no public key.
    """
    found: list[str] = []
    for text in given or project.config.secrets.recipients:
        found += _of_role(project, text.removeprefix(_ROLE)) if text.startswith(_ROLE) else [text]
    recipients(found)
    return tuple(dict.fromkeys(found))


def encrypt(plaintext: bytes, out: Path, to: Sequence[str], *, passphrase: str | None, replace: bool) -> None:
    """Encrypt to a file.

    Raises:
        UsageError: the file is there, and is not to be replaced.
        SecretError: there is nobody to encrypt for.
    """
    if len(plaintext) > LARGEST:
        raise UsageError(
            f"what is to go to {shown(out)} is more than {LARGEST >> 20} MiB",
            hint="a secret is small; was the right file named?",
        )
    if out.exists() and not replace:
        raise UsageError(f"{out} is there already", hint="change it with `runbook secrets edit`, or say --force")
    sealed = seal(plaintext, to=to, passphrase=passphrase)
    try:
        put(out, sealed)
    except OSError as error:
        message = f"{shown(out)} can't be written: {error.strerror}"
        raise UsageError(message, hint="name a file in a folder that is there") from error


def rekey(project: OpenProject, files: Sequence[Path], to: Sequence[str], ask: AskSecret | None) -> list[Path]:
    """Encrypt files anew for today's recipients; all are opened before the first one is replaced.

    Args:
        files: none for every age file of the project that identities open.

    Raises:
        LockedError: a passphrase is wanted.
        SecretError: a file can't be opened; none was changed.
    """
    chosen = list(files) or [path for path in age_files_of(project) if not has_passphrase(read_age_file(path))]
    answers: dict[Path, str] = {}

    def open_all(given: Mapping[Path, str]) -> list[bytes]:
        opener = age_files(project, given)
        return [opener.open(path) for path in chosen]

    sealed = [seal(plaintext, to=to) for plaintext in until_open(open_all, ask, answers)]
    for path, content in zip(chosen, sealed, strict=True):
        put(path, content)
    return chosen


def age_files_of(project: OpenProject) -> Iterator[Path]:
    """Give every `*.age` of the project, those in hidden folders left out."""
    for folder, folders, names in os.walk(project.root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if name.endswith(SUFFIX) and path.is_file() and not path.is_symlink():
                yield path


def refuse_place(path: Path) -> None:
    """Refuse a place where no file can be put, before anybody has typed anything.

    Raises:
        UsageError: it is a folder, or what should be a folder above it is none, or may not be written.
    """
    above = path.parent
    while not above.exists() and above != above.parent:
        above = above.parent
    if path.is_dir() or not above.is_dir():
        what = path if path.is_dir() else above
        kind = "a folder" if path.is_dir() else "no folder"
        raise UsageError(f"{shown(path)} can't be written: {shown(what)} is {kind}", hint="name another file")
    if not os.access(above, os.W_OK | os.X_OK):
        raise UsageError(f"{shown(path)} can't be written: you may not write into {shown(above)}")


def put(path: Path, content: bytes) -> None:
    """Replace a file at once: after a crash the old one is there or the new one, never a part."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    target = real_path(path)
    descriptor, name = tempfile.mkstemp(prefix=".runbook-", suffix=SUFFIX, dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _of_role(project: OpenProject, role: str) -> list[str]:
    team = project.team
    if role not in team.roles:
        hint = did_you_mean(role, team.roles) or f"team.yml has: {', '.join(team.roles) or 'none'}"
        raise InvalidInputError(f"[secrets] recipients: there is no role {role!r}", hint=hint)
    people = [person for person in team.people.values() if role in person.roles]
    keys = [key for person in people for key in person.ssh_keys if key.startswith(_SSH)]
    if not keys:
        raise InvalidInputError(
            f"[secrets] recipients: nobody with the role {role} has a key that age can use",
            hint="give ssh_keys of kind ssh-ed25519 or ssh-rsa in team.yml, or name age1… keys",
        )
    return keys
