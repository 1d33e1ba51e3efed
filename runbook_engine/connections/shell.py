"""Builds what a POSIX shell is given: scripts by standard input, so that no secret stands in a process list."""

import hashlib
import itertools
import os
import re
import secrets
import shlex
from dataclasses import dataclass
from typing import NamedTuple

from runbook_engine.sdk import Command, RunbookError

# One secret for all marks: asking the system for each would let another thread in between, each time. A process that is
# forked gets its own, or it would give the marks again that its parent gave.
_secret = bytearray(secrets.token_bytes(32))
os.register_at_fork(after_in_child=lambda: _secret.__setitem__(slice(None), secrets.token_bytes(32)))
_numbers = itertools.count()
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ARGUMENT = 16384  # far below what any system allows for one argument
_HARMFUL = re.compile(r"[\n!]")
_SPECIAL = re.compile(r"[\n!\\\"$`']")


def new_mark() -> str:
    """Give a random word that no output can imitate, and that nobody can tell from the ones before."""
    number = next(_numbers).to_bytes(8, "big")
    return "rb" + hashlib.blake2b(number, key=_secret, digest_size=12).hexdigest()


def bootstrap(mark: str, library: str = "") -> str:
    """Give a program that reads a script from its input up to the mark, then runs it; the input's rest is the script's.

    Without the mark (the sender died) nothing runs. The library is for functions that hold no secret: shells read
    their input byte by byte, so that what is the same each time is better given as an argument.
    """
    return f"{library}nl='\n'; {_read(mark)}"


def _bootstrap_in_quotes(mark: str) -> str:
    """Give the same without a single quote and a line break in it; it costs a process more."""
    return f'nl=$(printf "\\n."); nl=${{nl%.}}; {_read(mark)}'


def _read(mark: str) -> str:
    return (
        "s=; m=; while IFS= read -r l; do "
        f'if [ "$l" = {mark} ]; then m=1; break; fi; s=$s$l$nl; done; [ "$m" ] || exit 125; unset l m nl; eval "$s"'
    )


def framed(script: str, mark: str) -> bytes:
    """Give the script as the bootstrap wants it."""
    return encode(f"{script}\n{mark}\n")


def portable(line: str) -> str:
    """Give a shell text in a form that every login shell passes on to `sh -c` unharmed.

    csh knows no line breaks in quotes, and takes `!` for its history.
    """
    if not _HARMFUL.search(line):
        return line
    return 'eval "$(printf %b "' + _SPECIAL.sub(lambda found: f"\\0{ord(found[0]):03o}", line) + '")"'


def program(command: Command, *, lone: bool = False) -> str:
    """Give the script that becomes the command: folder, environment, exec.

    Args:
        lone: in a session of its own, by `setsid`.

    Raises:
        RunbookError: a variable's name or a word of the command can't be given to a process.
    """
    lines = []
    if command.cwd is not None:
        folder = f"./{command.cwd}" if command.cwd.startswith("-") else command.cwd
        lines.append(f"CDPATH= cd {quote(folder)} >/dev/null || exit 126")
    for name, value in command.environment.items():
        if not _NAME.fullmatch(name):
            raise RunbookError(
                f"{name!r} can't be the name of an environment variable", hint="use letters, digits and underscores"
            )
        lines.append(f"export {name}={quote(value)}")
    first = "exec setsid -- " if lone else "exec "
    lines.append(first + " ".join(quote(word) for word in check_argv(command.argv)))
    return "; ".join(lines)


@dataclass(frozen=True, slots=True)
class Become:
    """How a command runs as another user: shell lines, and the input that they want.

    Attributes:
        take: reads the password from the input into the shell.
        login: gives it to sudo; false when sudo refused.
        line: runs the command; it has to have the same parent process as the login, because without a terminal sudo
            remembers a login by its parent.
        secret: the input for `take`.
        given: the input for `line`: sudo forgets the environment, so that the program comes this way too.
    """

    take: str
    login: str
    line: str
    secret: bytes
    given: bytes


def become(command: Command, password: str | None) -> Become:
    """Give how a command runs as its `become_user`.

    The password is read by the shell and given to `sudo -v` alone, and only if sudo wants one: it never reaches the
    command's input, an argument or a file.

    Raises:
        RunbookError: the password can't be given to sudo.
    """
    mark = new_mark()
    user = quote(command.become_user or "root")
    line = f"sudo -n -u {user} -- sh -c '{_bootstrap_in_quotes(mark)}'"
    given = framed(program(command), mark) + command.stdin
    if password is None:
        return Become(":", ":", line, b"", given)
    if "\n" in password or "\0" in password:
        raise RunbookError("ansible_become_password has a line break, which sudo can't be given")
    login = (
        f'{{ sudo -n -u {user} -- true 2>/dev/null </dev/null || printf "%s\\n" "$pw" | sudo -S -p "" -v >/dev/null; }}'
    )
    return Become("IFS= read -r pw", login, line, encode(password) + b"\n", given)


class Login(NamedTuple):
    """A shell line that logs in to sudo, or does nothing, and the input that it reads."""

    login: str
    secret: bytes


def login_for(command: Command, password: str | None) -> Login:
    """Give what has to be done before a command's processes can be ended as its user."""
    if command.become_user is None or password is None:
        return Login(":", b"")
    other = become(command, password)
    return Login(f"{other.take}; {other.login} 2>/dev/null; unset pw", other.secret)


def plain_script(command: Command, mark: str | None, become_password: str | None) -> tuple[str, bytes]:
    """Give the script that runs a command, and the input that it wants.

    The script stays as the command's parent because a shell tells 128 + N when signal N ended it, which SSH's own exit
    status does not.

    Args:
        mark: it tells its session first, `<mark> <session>` on a line of standard error, and the mark alone on one of
            standard output, since a login may have printed text before; None where somebody else tells.
    """
    told = f'printf "\\n%s\\n" {mark}; printf "%s %s\\n" {mark} $$ >&2; ' if mark else ""
    head = f"{told}exec 9>&2 2>/dev/null"
    if command.become_user is None:
        given = "" if command.stdin else " </dev/null"
        return f"{head}; ( {program(command)} ) 2>&9 9>&-{given}; exit $?", command.stdin
    other = become(command, become_password)
    lines = (head, other.take, f"{other.login} 2>&9 || exit 1", "unset pw", f"{other.line} 2>&9 9>&-", "exit $?")
    return "\n".join(lines), other.secret + other.given


def is_open(command: Command, script: str) -> bool:
    """Whether a plain command's script can be an argument: it tells no more than the command's own arguments will."""
    return not command.environment and command.become_user is None and len(script) < _ARGUMENT


def check_argv(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Give the words back when they can be a command.

    Raises:
        RunbookError: there is no first word, or one has a NUL byte.
    """
    if not argv or not argv[0]:
        raise RunbookError("the command is empty", hint="name the program to run")
    for word in argv:
        if "\0" in word:
            raise RunbookError(
                f"the command {argv[0]!r} has an argument with a NUL byte, which no process can be given"
            )
    return argv


def quote(text: str) -> str:
    """Quote a word for a POSIX shell.

    Raises:
        RunbookError: it has a NUL byte.
    """
    if "\0" in text:
        raise RunbookError("a value with a NUL byte can't be given to a process")
    return shlex.quote(text)


def encode(text: str) -> bytes:
    """Give a text's bytes; bytes that were not UTF-8 come back as they were."""
    return text.encode("utf-8", "surrogateescape")
