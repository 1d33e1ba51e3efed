"""Finds the passwords of ansible-vault: in the environment, in files, or printed by a program of the operator's."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_engine.loading.inventory.programs import ProgramError, refuse_unsafe, run_program
from runbook_engine.model.quoting import quoted

_PASSWORD = "RUNBOOK_VAULT_PASSWORD"  # noqa: S105 # the name of a variable
_FILES = ("RUNBOOK_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_PASSWORD_FILE")
_LABELLED = "ANSIBLE_VAULT_IDENTITY_LIST"
_LARGEST = 64 * 1024
_CLIENT = "-client"


class VaultProblemError(Exception):
    """Something encrypted can't be decrypted.

    Args:
        message: what is wrong; never holds a password or a decrypted text.
        hint: what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class VaultPassword:
    """A password, the vault id it is for (empty for any), and where it came from."""

    label: str
    origin: str
    secret: bytes = field(repr=False)


def read_passwords(environment: Mapping[str, str] | None = None) -> list[VaultPassword]:
    """Give every password that the operator's environment names.

    `RUNBOOK_VAULT_PASSWORD` is a password. `RUNBOOK_VAULT_PASSWORD_FILE` and `ANSIBLE_VAULT_PASSWORD_FILE` name a file
    (or `label@file`), `ANSIBLE_VAULT_IDENTITY_LIST` several with commas between. An executable file is run, and its
    output is the password; one whose name ends in `-client` is told the vault id by `--vault-id`.

    Raises:
        VaultProblemError: a file can't be read, is empty, or is a program that fails.
    """
    known = os.environ if environment is None else environment
    found = []
    if known.get(_PASSWORD):
        found.append(VaultPassword("", _PASSWORD, known[_PASSWORD].encode("utf-8", "surrogateescape")))
    named = [known.get(name, "") for name in _FILES] + known.get(_LABELLED, "").split(",")
    for one in dict.fromkeys(text.strip() for text in named):
        if one:
            label, at, path = one.partition("@")
            found.append(_from_file(path if at else one, label if at else ""))
    return found


def _from_file(name: str, label: str) -> VaultPassword:
    path = Path(name).expanduser().absolute()
    try:
        if path.is_file() and os.access(path, os.X_OK):
            refuse_unsafe(path)
            client = path.stem.endswith(_CLIENT)
            content = run_program(path, ["--vault-id", label or "default"] if client else [], cwd=path.parent)
        else:
            with path.open("rb") as file:
                content = file.read(_LARGEST)
    except ProgramError as error:
        raise VaultProblemError(f"vault password program {quoted(name)}: {error.message}", error.hint) from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name makes no sense"
        raise VaultProblemError(
            f"can't read vault password file {quoted(name)}: {reason}", "check the path and its rights"
        ) from None
    if not content.strip():
        raise VaultProblemError(f"vault password file {quoted(name)} is empty", "write the password into it")
    return VaultPassword(label, name, content.strip())
