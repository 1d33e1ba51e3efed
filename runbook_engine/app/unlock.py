"""Asks, before a run begins, for the passphrases of the private keys that it can't do without."""

from collections.abc import Callable, Mapping
from pathlib import Path

from runbook_engine.connections.factory import kind_of
from runbook_engine.connections.ssh_library import load_paramiko
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import Target
from runbook_engine.model.plan import Plan

AskSecret = Callable[[str], str]

_TRIES = 3


def passphrases(plan: Plan, ask: AskSecret | None) -> Mapping[Path, str]:
    """Ask once for each locked key file that hosts of a plan need, and prove the answer by opening the key.

    Without anybody to ask, nothing is asked; the hosts then say themselves what they lack. So do they when a question
    is answered with an empty line.

    Raises:
        RunbookError: a passphrase was wrong three times; nothing was begun.
    """
    if ask is None:
        return {}
    from runbook_engine.connections.ssh_locked import keys_to_unlock
    from runbook_engine.connections.ssh_settings import SshSettings

    names = dict.fromkeys(name for step in plan.steps for name in step.targets)
    targets = [target for target in map(plan.target, names) if _over_ssh(target)]
    answers = {path: _asked(path, ask) for path in keys_to_unlock(targets, SshSettings())}
    return {path: answer for path, answer in answers.items() if answer}


def _over_ssh(target: Target) -> bool:
    try:
        return kind_of(target) == "ssh"
    except RunbookError:
        return False  # its first use tells what is wrong with it


def _asked(path: Path, ask: AskSecret) -> str:
    load_paramiko()
    from runbook_engine.connections.ssh_keys import UnusableKeyError, load_key

    for left in reversed(range(_TRIES)):
        answer = ask(f"Passphrase of {path}:")
        if not answer:
            return ""
        try:
            load_key(path, answer)
        except UnusableKeyError as error:
            if not left:
                raise RunbookError(
                    f"{path}: {error}", hint=f"nothing was begun; `ssh-add {path}` gives the key to the agent"
                ) from error
        else:
            return answer
    raise AssertionError("the last try returns or raises")
