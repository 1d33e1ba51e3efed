"""The options `--sign` and `--key` of the commands by which people answer and decide."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from runbook_engine.app.sign import SigningKey
from runbook_engine.cli.options import NamedPath
from runbook_engine.cli.terminal import can_ask
from runbook_engine.model.event import StoredEvent

F = TypeVar("F", bound=Callable[..., Any])


def signing_options(command: F) -> F:
    """Add `--sign` and `--key`."""
    for option in (
        click.option(
            "--key",
            type=NamedPath(),
            metavar="FILE",
            help="Sign with the SSH key in FILE: a private key, or the public one of a key that the agent has.",
        ),
        click.option(
            "--sign",
            is_flag=True,
            help="Sign with your SSH key: one of your ssh_keys in team.yml that the agent or ~/.ssh has.",
        ),
    ):
        command = option(command)
    return command


def signing_key(*, sign: bool, file: Path | None) -> SigningKey | None:
    """Give what is to be signed with, None when nothing is."""
    if not sign and file is None:
        return None
    return SigningKey(file=file, ask=asker() if can_ask() else None)


def asker() -> Callable[[str], str]:
    """Give what asks the person at the terminal for a passphrase, each only once."""
    known: dict[str, str] = {}
    return lambda question: _asked_once(question, known)


def signed_how(stored: StoredEvent) -> str:
    """Say what an answer was signed with; empty when it was not."""
    signature = getattr(stored.event, "signature", None)
    return f", signed with {signature.fingerprint}" if signature else ""


def _asked_once(question: str, known: dict[str, str]) -> str:
    """Ask for a passphrase; a step of many tasks takes a signature for each, and one question."""
    from runbook_engine.cli.secret_prompt import ask_secret

    if question not in known:
        known[question] = ask_secret(question, stopped=lambda: False)
    return known[question]
