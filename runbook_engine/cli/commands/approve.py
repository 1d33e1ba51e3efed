"""runbook approve and runbook decline: a person's answer to a gate."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from runbook_engine.app.answer import answer_gate
from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import open_project
from runbook_engine.app.sign import SigningKey
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import NamedPath, person_option, run_argument
from runbook_engine.cli.terminal import can_ask, say

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


@documented
@run_argument()
@click.argument("step")
@click.option("--reason", default="", metavar="TEXT", help="Kept in the journal with the answer.")
@person_option
@signing_options
def approve(run: str, step: str, reason: str, person: str | None, *, sign: bool, key: Path | None) -> None:
    """Approve what a gate of a run asks.

    Works from any terminal, while the run waits or after it stopped; an answer that does not count (no role, too
    late, twice) is refused, and that is recorded, too.

    Examples:
      runbook approve last declare --as dana --reason "confirmed by phone"
      runbook approve last declare --as dana --sign
    """
    _answer(run, step, approve=True, reason=reason, person=person, key=_signing_key(sign=sign, file=key))


@documented
@run_argument()
@click.argument("step")
@click.option("--reason", default="", metavar="TEXT", help="Kept in the journal with the answer.")
@person_option
@signing_options
def decline(run: str, step: str, reason: str, person: str | None, *, sign: bool, key: Path | None) -> None:
    """Decline what a gate of a run asks.

    The first decline ends the gate; what needs it is blocked.

    Example:
      runbook decline last declare --as dana --reason "the region is back"
    """
    _answer(run, step, approve=False, reason=reason, person=person, key=_signing_key(sign=sign, file=key))


def _signing_key(*, sign: bool, file: Path | None) -> SigningKey | None:
    if not sign and file is None:
        return None
    return SigningKey(file=file, ask=_ask_secret if can_ask() else None)


def _ask_secret(question: str) -> str:
    from runbook_engine.cli.secret_prompt import ask_secret

    return ask_secret(question, stopped=lambda: False)


def _answer(run: str, step: str, *, approve: bool, reason: str, person: str | None, key: SigningKey | None) -> None:
    project = open_project()
    journal = project.journal()
    try:
        head = find_run(journal, run)
        stored = answer_gate(project, journal, head.id, step, approve=approve, reason=reason, person=person, key=key)
        held = journal.lease(f"run:{head.id}") is not None
    finally:
        journal.close()
    signature = getattr(stored.event, "signature", None)
    how = f", signed with {signature.fingerprint}" if signature else ""
    say(f"{step} of {head.id}: {'approved' if approve else 'declined'} by {stored.actor.name}{how}")
    if not held:
        say(f"nobody advances the run now; to go on: runbook resume {head.id}")
