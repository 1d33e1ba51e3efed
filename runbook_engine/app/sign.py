"""The use case behind `--sign`: an answer or a decision is signed with an SSH key of the person who gives it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runbook_engine.connections.ssh_sign import public_part, sign
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import AnswerSignature, GateOpened
from runbook_engine.model.signed_answer import GATE_OPENED, GateAnswer, sealed, statement
from runbook_engine.model.signed_decision import RUN_TAKEN, Decided, decision_statement
from runbook_engine.model.ssh_signature import SignatureError, armor, fingerprint, key_blob, to_be_signed
from runbook_engine.model.team import Person, Team

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


def answer_signature(
    answer: GateAnswer, key: SigningKey, *, run: str, opened: GateOpened, person: Person | None
) -> AnswerSignature:
    """Give the person's signature under an answer.

    Raises:
        RunbookError: the person has no key that counts at this gate, or it is not here.
    """
    return _signature(
        lambda at: statement(run, opened, answer, at),
        key,
        name=answer.person,
        person=person,
        counted=opened.signers.get(answer.person, ()),
        since=GATE_OPENED,
    )


def decision_signature(
    decided: Decided, key: SigningKey, *, run: str, signers: Mapping[str, tuple[str, ...]], name: str, team: Team
) -> AnswerSignature:
    """Give the signature of the person of that name under a decision.

    Args:
        signers: fingerprints of the keys that count, by person.

    Raises:
        RunbookError: the person has no key that counts in this run, or it is not here.
    """
    return _signature(
        lambda at: decision_statement(run, decided, name, at),
        key,
        name=name,
        person=team.people.get(name),
        counted=signers.get(name, ()),
        since=RUN_TAKEN,
    )


def _signature(
    text_of: Callable[[datetime], str],
    key: SigningKey,
    *,
    name: str,
    person: Person | None,
    counted: tuple[str, ...],
    since: str,
) -> AnswerSignature:
    usable = _usable(name, counted, person, since)
    now = datetime.now(UTC)
    text = text_of(now)
    files = (key.file,) if key.file else tuple(Path.home() / ".ssh" / name for name in _DEFAULT_KEYS)
    if key.file is not None and not key.file.exists():
        raise RunbookError(
            f"the key file {key.file} is not there", hint="name a private key, such as ~/.ssh/id_ed25519"
        )
    data = to_be_signed(text.encode(errors="replace"))
    agent = os.environ.get("SSH_AUTH_SOCK")
    wanted = usable if key.file is None else usable & _of_file(key.file, name, usable)
    public, signature = sign(data, usable=wanted, files=files, agent=agent, ask=key.ask)
    try:
        return sealed(text, now, armor(public, signature))
    except SignatureError as error:
        raise RunbookError(f"what the key signed can't be verified: {error}", hint="use another key") from error


def _usable(name: str, recorded: tuple[str, ...], person: Person | None, since: str) -> frozenset[bytes]:
    """Give the person's keys that count: in team.yml now, and in the run's record."""
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
    counted = frozenset(blob for blob in blobs if fingerprint(blob) in recorded)
    if not counted:
        raise RunbookError(
            f"the keys of {name} in team.yml are not the ones that it had {since}",
            hint="end the process that waits (Ctrl-C); `runbook resume` asks anew, with the keys of now",
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
