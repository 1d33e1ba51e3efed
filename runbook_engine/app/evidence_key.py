"""The key that signs evidence: one that is named, or the project's own, made when it is first needed."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runbook_engine.connections.ssh_sign import public_part, sign
from runbook_engine.loading.folder import is_file, is_there, shown
from runbook_engine.model.errors import RunbookError, UsageError
from runbook_engine.model.ssh_signature import EVIDENCE, SignatureError, armor, fingerprint, key_blob, to_be_signed
from runbook_engine.model.team import Team

OWN_KEY = Path(".runbook/evidence_key")


@dataclass(frozen=True, slots=True)
class EvidenceKey:
    """A key that can sign.

    Attributes:
        file: the private key, or the public one of a key that the agent has.
        public: its public part.
        name: who it belongs to: a person of team.yml, or `project`.
    """

    file: Path
    public: bytes
    name: str

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        return fingerprint(self.public)

    def sign(self, message: bytes, ask: Callable[[str], str] | None) -> str:
        """Give an armored signature, as `ssh-keygen -Y sign -n runbook-evidence` makes it.

        Args:
            ask: asks for a passphrase; None when nobody is there.

        Raises:
            RunbookError: the key is not here, or does not open.
        """
        data = to_be_signed(message, EVIDENCE)
        agent = os.environ.get("SSH_AUTH_SOCK")
        public, signature = sign(data, usable={self.public}, files=(self.file,), agent=agent, ask=ask)
        return armor(public, signature, EVIDENCE)


def evidence_key(root: Path, team: Team, file: Path | None) -> EvidenceKey:
    """Give the key in a file; without one the project's own, which is made if it is not there.

    Args:
        root: the project's folder.

    Raises:
        UsageError: the file holds no key that can sign.
        RunbookError: the project's own key can't be made.
    """
    path = file or root / OWN_KEY
    if file is None:
        _ready(path)
    private = path.with_suffix("") if path.suffix == ".pub" else path
    _refuse_others(private, private.with_name(f"{private.name}.pub"))
    blob = public_part(path)
    if blob is None:
        raise UsageError(
            f"{path} is no SSH key, or its public part is not beside it",
            hint="name a private key, such as ~/.ssh/id_ed25519, or the .pub file of a key that the agent has",
        )
    return EvidenceKey(path, blob, _owner(blob, team) or ("project" if file is None else "signer"))


def _refuse_others(*paths: Path) -> None:
    """Refuse pipes and devices under the names that a key's parts are read from: some never end."""
    for path in paths:
        if is_there(path) and not is_file(path):
            raise UsageError(f"{shown(path)} is no plain file", hint="name the file of an SSH key")


def _owner(blob: bytes, team: Team) -> str:
    for name, person in team.people.items():
        for line in person.ssh_keys:
            try:
                if key_blob(line) == blob:
                    return name
            except SignatureError:
                continue  # `validate` says what is wrong with that line; it is not this key's
    return ""


def _ready(path: Path) -> None:
    """Make the project's own key if there never was one; an auditor knows it by its fingerprint.

    Raises:
        RunbookError: it is gone, or others can read it.
    """
    public = path.with_name(f"{path.name}.pub")
    if not path.exists():
        if public.exists():
            raise RunbookError(
                f"the project's key for evidence is gone: {path}; auditors know its fingerprint",
                hint=f"put it back, name another one with --key FILE, or remove {public} to have a new one made",
            )
        _make(path)
    elif path.stat().st_mode & 0o077:
        raise RunbookError(
            f"{path} may be read by others, who could sign with it",
            hint=f"`chmod 600 {path}`; if somebody may have read it, remove both files to have a new one made",
        )


def _make(path: Path) -> None:
    """Make an Ed25519 key that only its owner can read; of two who make it at once one wins."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        made = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)
        except FileExistsError:
            return  # another process was quicker, and its key is as good
        finally:
            made.unlink()
        path.with_name(f"{path.name}.pub").write_bytes(public + b" runbook evidence\n")
    except OSError as error:
        raise RunbookError(
            f"the project's key for evidence can't be made: {path}: {error.strerror}",
            hint="name another key with --key FILE",
        ) from error
