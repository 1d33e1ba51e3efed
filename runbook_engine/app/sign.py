"""The use case behind `--sign`: an answer to a gate is signed with an SSH key of the person who gives it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runbook_engine.connections.ssh_sign import public_part, sign
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import GateApproved, GateDeclined, GateOpened
from runbook_engine.model.signed_answer import sealed, statement
from runbook_engine.model.ssh_signature import SignatureError, armor, fingerprint, key_blob, to_be_signed
from runbook_engine.model.team import Person

_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Where the key that signs is looked for.

    Attributes:
        file: the only key to be used; else any in the agent, or under `~/.ssh`, that is the person's.
        ask: asks for a passphrase; None when nobody is there.
    """

    file: Path | None = None
    ask: Callable[[str], str] | None = None


def signed(
    answer: GateApproved | GateDeclined, key: SigningKey, *, run: str, opened: GateOpened, person: Person | None
) -> GateApproved | GateDeclined:
    """Give the answer with the person's signature.

    Raises:
        RunbookError: the person has no key that counts at this gate, or it is not here.
    """
    usable = _usable(answer.person, opened, person)
    now = datetime.now(UTC)
    text = statement(run, opened, answer, now)
    files = (key.file,) if key.file else tuple(Path.home() / ".ssh" / name for name in _DEFAULT_KEYS)
    if key.file is not None and not key.file.exists():
        raise RunbookError(
            f"the key file {key.file} is not there", hint="name a private key, such as ~/.ssh/id_ed25519"
        )
    data = to_be_signed(text.encode(errors="replace"))
    agent = os.environ.get("SSH_AUTH_SOCK")
    wanted = usable if key.file is None else usable & _of_file(key.file, answer.person, usable)
    public, signature = sign(data, usable=wanted, files=files, agent=agent, ask=key.ask)
    try:
        return answer.model_copy(update={"signature": sealed(text, now, armor(public, signature))})
    except SignatureError as error:
        raise RunbookError(f"what the key signed can't be verified: {error}", hint="use another key") from error


def _usable(name: str, opened: GateOpened, person: Person | None) -> frozenset[bytes]:
    """Give the person's keys that count: in team.yml now, and when the gate opened."""
    blobs, problems = set(), []
    for line in person.ssh_keys if person else ():
        try:
            blobs.add(key_blob(line))
        except SignatureError as error:
            problems.append(str(error))
    if not blobs:
        raise RunbookError(
            f"team.yml has no ssh_keys of {name} that can sign{': ' + problems[0] if problems else ''}",
            hint=f'add the line of a .pub file: people.{name}.ssh_keys: ["ssh-ed25519 AAAA…"]',
        )
    counted = frozenset(blob for blob in blobs if fingerprint(blob) in opened.signers.get(name, ()))
    if not counted:
        raise RunbookError(
            f"the keys of {name} in team.yml are not the ones that it had when the gate opened",
            hint="end the process that waits at the gate (Ctrl-C); `runbook resume` asks anew, with the keys of now",
        )
    return counted


def _of_file(path: Path, name: str, usable: frozenset[bytes]) -> frozenset[bytes]:
    """Give the file's key if it is usable; saying now whose key it is not is clearer than a refusal later."""
    blob = public_part(path)
    if blob is None:
        raise RunbookError(
            f"{path} is no SSH key, or its public part is not beside it", hint=f"`ssh-keygen -y -f {path}` gives that"
        )
    if blob not in usable:
        raise RunbookError(
            f"{path} ({fingerprint(blob)}) is no key of {name} in team.yml",
            hint=f"these count: {', '.join(map(fingerprint, sorted(usable)))}",
        )
    return frozenset({blob})
