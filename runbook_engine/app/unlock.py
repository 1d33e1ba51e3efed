"""Opens, before a run begins, the keys and age files that it can't do without, and asks for their passphrases."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from runbook_engine.app.project import OpenProject
from runbook_engine.app.run_secrets import open_all, references
from runbook_engine.connections.factory import kind_of
from runbook_engine.connections.ssh_library import load_paramiko
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import Target
from runbook_engine.model.plan import Plan
from runbook_engine.secrets.age import AgeFiles
from runbook_engine.secrets.age_keys import LockedError, is_age, read_identities

AskSecret = Callable[[str], str]
T = TypeVar("T")

_TRIES = 3
_MOST_QUESTIONS = 20
_HEAD = 64


def passphrases(project: OpenProject, plan: Plan, ask: AskSecret | None) -> Mapping[Path, str]:
    """Ask once for each locked key file that hosts or age files of a plan need; prove the answer by opening it.

    Without anybody to ask, nothing is asked; the hosts then say themselves what they lack. So do they when a question
    is answered with an empty line. Age files are opened here in any case: a bad one stops the run.

    Raises:
        RunbookError: a passphrase was wrong three times, or an age file can't be opened; nothing was begun.
    """
    known = references(project, plan)
    answers = dict(_of_hosts(plan, ask)) if ask is not None else {}
    until_open(lambda given: open_all(project, known, given), ask, answers)
    return answers


def until_open(opening: Callable[[Mapping[Path, str]], T], ask: AskSecret | None, answers: dict[Path, str]) -> T:
    """Try to open age files, and ask for each passphrase that is wanted, until nothing is locked any more.

    Args:
        opening: opens them with the passphrases that are known by then.
        answers: passphrases by file; grows.

    Raises:
        RunbookError: nobody is there to ask, a passphrase was wrong three times, or a file can't be opened.
    """
    for _ in range(_MOST_QUESTIONS):
        try:
            return opening(answers)
        except LockedError as error:
            if ask is None or error.path in answers:
                raise
            answer = _asked(error.path, ask, _opens_age)
            if not answer:
                raise
            answers[error.path] = answer
    raise RunbookError("too many passphrases are wanted", hint="use identities that need none, or fewer of them")


def _of_hosts(plan: Plan, ask: AskSecret) -> Mapping[Path, str]:
    from runbook_engine.connections.ssh_locked import keys_to_unlock
    from runbook_engine.connections.ssh_settings import SshSettings

    names = dict.fromkeys(name for step in plan.steps for name in step.targets)
    targets = [target for target in map(plan.target, names) if _over_ssh(target)]
    answers = {path: _asked(path, ask, _opens_ssh_key) for path in keys_to_unlock(targets, SshSettings())}
    return {path: answer for path, answer in answers.items() if answer}


def _over_ssh(target: Target) -> bool:
    try:
        return kind_of(target) == "ssh"
    except RunbookError:
        return False  # its first use tells what is wrong with it


def _asked(path: Path, ask: AskSecret, prove: Callable[[Path, str], None]) -> str:
    for left in reversed(range(_TRIES)):
        answer = ask(f"Passphrase of {path}:")
        if not answer:
            return ""
        try:
            prove(path, answer)
        except RunbookError:
            if not left:
                raise
        else:
            return answer
    raise AssertionError("the last try returns or raises")


def _opens_ssh_key(path: Path, answer: str) -> None:
    load_paramiko()
    from runbook_engine.connections.ssh_keys import UnusableKeyError, load_key

    try:
        load_key(path, answer)
    except UnusableKeyError as error:
        raise RunbookError(
            f"{path}: {error}", hint=f"nothing was begun; `ssh-add {path}` gives the key to the agent"
        ) from error


def _opens_age(path: Path, answer: str) -> None:
    """Prove the passphrase of an age file, of an identity that is one, or of an SSH key that is to open age files."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if is_age(head):
        AgeFiles((), {path: answer}).open(path)
    else:
        read_identities(path, answer)
