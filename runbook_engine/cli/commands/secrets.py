"""runbook secrets: age files that hold secrets, made, changed, and encrypted for other people."""

import os
import sys
from pathlib import Path

import click

from runbook_engine.app.project import open_project
from runbook_engine.app.secret_editor import edit as edit_file
from runbook_engine.app.secret_files import LARGEST, SUFFIX, recipients_of
from runbook_engine.app.secret_files import encrypt as encrypt_file
from runbook_engine.app.secret_files import rekey as rekey_files
from runbook_engine.app.unlock import AskSecret
from runbook_engine.cli.documented import DocumentedGroup
from runbook_engine.cli.terminal import can_ask, result, say
from runbook_engine.loading.folder import real_path, shown
from runbook_engine.loading.limited_file import open_plain
from runbook_engine.model.errors import UsageError
from runbook_engine.secrets.age_keys import is_age

_recipient_option = click.option(
    "-r",
    "--recipient",
    multiple=True,
    metavar="KEY|role:NAME",
    help="A public key (age1…, ssh-ed25519 …, ssh-rsa …), or the SSH keys of a role's people; in place of those of "
    "runbook.toml.",
)
_passphrase_option = click.option("--passphrase", is_flag=True, help="By a passphrase, which is asked for.")


@click.group(cls=DocumentedGroup)
def secrets() -> None:
    """Keep secrets in age files, beside the runbooks, in version control.

    A runbook reads them with secret('age:FILE#field'). Whom they are encrypted for, and which keys open them here,
    stands under [secrets] in runbook.toml: recipients and identities.

    Examples:
      runbook secrets edit secrets/production.yml.age
      runbook secrets rekey
    """


@secrets.command()
@click.argument("file", type=click.Path(path_type=Path))
@_recipient_option
@_passphrase_option
def edit(file: Path, recipient: tuple[str, ...], *, passphrase: bool) -> None:
    """Open an age file in your editor ($VISUAL, $EDITOR); one that is not there is made.

    The plaintext is in memory alone, and gone with the editor. A file with a passphrase keeps it.

    Example:
      runbook secrets edit secrets/production.yml.age
    """
    project = open_project()
    chosen = _new_passphrase() if passphrase and not file.exists() else None
    to = recipients_of(project, recipient)
    changed = edit_file(project, file, to, _asker(), passphrase=chosen, environment=os.environ)
    say(f"{file}: encrypted" if changed else f"{file}: not changed")


@secrets.command()
@click.argument("file", metavar="FILE|-")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where to; without it FILE.age.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@_recipient_option
@_passphrase_option
def encrypt(file: str, out: Path | None, recipient: tuple[str, ...], *, force: bool, passphrase: bool) -> None:
    """Encrypt a file, or what comes by the standard input.

    FILE itself stays as it is: remove it when you have seen that the new one opens.

    Examples:
      runbook secrets encrypt production.yml -o secrets/production.yml.age
      pass show smtp | runbook secrets encrypt - -o secrets/smtp.age
    """
    project = open_project()
    if file == "-" and out is None:
        raise UsageError("what comes by the standard input needs a file to go to", hint="say -o FILE.age")
    target = out or Path(f"{file}{SUFFIX}")
    to = recipients_of(project, recipient)
    chosen = _new_passphrase() if passphrase else None
    plaintext = _plaintext(file)
    encrypt_file(plaintext, target, to, passphrase=chosen, replace=force)
    result(str(target))
    if file != "-" and real_path(file) != real_path(target):
        say(f"{file} is still there{'' if is_age(plaintext) else ' in clear'}")


@secrets.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@_recipient_option
def rekey(files: tuple[Path, ...], recipient: tuple[str, ...]) -> None:
    """Encrypt age files anew for today's recipients.

    Without FILES every *.age of the project, those left out that a passphrase opens. All are opened before the first is
    replaced. Whoever could open the old ones knows their secrets: change those, too, when somebody leaves.

    Examples:
      runbook secrets rekey
      runbook secrets rekey secrets/production.yml.age -r role:engineering
    """
    project = open_project()
    done = rekey_files(project, files, recipients_of(project, recipient), _asker())
    for path in done:
        result(os.path.relpath(path))
    if not done:
        say("there are no age files here that identities open")


def _plaintext(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    try:
        with open_plain(Path(file)) as opened:
            return opened.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{shown(file)} can't be read: {error.strerror}", hint="name a plain file") from error


def _asker() -> AskSecret | None:
    if not can_ask():
        return None
    from runbook_engine.cli.secret_prompt import ask_secret

    return lambda question: ask_secret(question, lambda: False)


def _new_passphrase() -> str:
    ask = _asker()
    if ask is None:
        raise UsageError("a passphrase is asked for on a terminal, and this is none")
    first = ask("New passphrase:")
    if not first:
        raise UsageError("an empty passphrase protects nothing")
    if ask("Once more:") != first:
        raise UsageError("the two differ; nothing was encrypted")
    return first
