"""Resolves references such as `env:SMTP_PASSWORD` and `age:secrets/all.yml.age#smtp`; tells the redactor each value."""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock

from runbook_engine.ports.secrets import SecretError
from runbook_engine.secrets.age import AgeFiles
from runbook_engine.secrets.fields import pick
from runbook_engine.secrets.redaction import SecretRedactor

Scheme = Callable[[str, Path], str]
_MAX_FILE = 1_000_000


class Secrets:
    """A `SecretStore`; safe to use from several threads. A value is read once and kept for the run.

    Args:
        schemes: how to read a reference of each scheme; `SCHEMES` has those that come with the engine.
        project: the project's root, which relative file names start from.
        redactor: is told each value before anybody gets it.
    """

    def __init__(self, schemes: Mapping[str, Scheme], project: Path, redactor: SecretRedactor | None = None) -> None:
        self._schemes = dict(schemes)
        self._project = project
        self._lock = Lock()
        self._reading: dict[str, Lock] = {}
        self._values: dict[str, str] = {}
        self.redactor = redactor or SecretRedactor()

    def resolve(self, reference: str) -> str:
        """Give a secret's value.

        Raises:
            SecretError: unknown scheme, or not to be had. Names the reference, never a value.
        """
        with self._lock:  # one lock a reference: AWS may take its time, and others must not wait for it
            reading = self._reading.setdefault(reference, Lock())
        with reading:
            if reference not in self._values:
                value = self._read(reference)
                self.redactor.add(value)
                self._values[reference] = value
            return self._values[reference]

    def _read(self, reference: str) -> str:
        scheme, colon, name = reference.partition(":")
        if not colon or not name:
            raise SecretError(
                f"secret {reference!r} is no reference", hint="write scheme:name, such as env:SMTP_PASSWORD"
            )
        read = self._schemes.get(scheme)
        if read is None:
            there = ", ".join(sorted(self._schemes))
            raise SecretError(f"secret {reference!r}: no scheme {scheme!r}", hint=f"use one of: {there}")
        value = read(name, self._project)
        if not value:
            raise SecretError(f"secret {reference!r} is empty", hint="give it a value")
        return value


def read_environment(name: str, project: Path) -> str:
    """Read an environment variable of the engine's process.

    Raises:
        SecretError: it is not set.
    """
    del project
    value = os.environ.get(name)
    if value is None:
        raise SecretError(
            f"secret 'env:{name}': the environment variable is not set", hint=f"export {name}=… before the run"
        )
    return value


def read_secret_file(name: str, project: Path) -> str:
    """Read a file that only its owner may read; one line end at its end is not part of the secret.

    Args:
        name: relative to the project, absolute, or from `~`.
        project: the project's root.

    Raises:
        SecretError: not there, open to group or others, too large, or not UTF-8 text.
    """
    reference = f"secret 'file:{name}'"
    try:
        path = project / Path(name).expanduser()
        # One descriptor for the look and the reading, so that the file can't be exchanged between them; and no
        # waiting for the writer of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            _check_facts(os.fstat(descriptor), path, reference)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(_MAX_FILE + 1)
        finally:
            os.close(descriptor)
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SecretError(f"{reference} can't be read: {why}", hint="check its path, owner and mode") from None
    if len(content) > _MAX_FILE:
        raise SecretError(f"{reference}: the file is larger than {_MAX_FILE:,} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise SecretError(f"{reference}: the file is not UTF-8 text", hint="keep binary secrets in Base64") from None
    return text.removesuffix("\n").removesuffix("\r")


def age_scheme(files: AgeFiles) -> Scheme:
    """Give the scheme `age`: `age:FILE` is all that a file holds, `age:FILE#a.b` a field of its JSON or YAML."""

    def read(name: str, project: Path) -> str:
        reference = f"age:{name}"
        file, _, field = name.partition("#")
        try:
            text = files.open(project / Path(file).expanduser()).decode()
        except UnicodeDecodeError:
            raise SecretError(f"secret {reference!r}: not UTF-8 text", hint="keep binary secrets in Base64") from None
        except (OSError, RuntimeError) as error:
            raise SecretError(f"secret {reference!r}: {error}") from None
        return pick(text, field, reference) if field else text.removesuffix("\n").removesuffix("\r")

    return read


SCHEMES: Mapping[str, Scheme] = {"env": read_environment, "file": read_secret_file}


def _check_facts(facts: os.stat_result, path: Path, reference: str) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise SecretError(f"{reference}: {path} is not a file", hint="check its path")
    if facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(facts.st_mode)
        raise SecretError(f"{reference}: {path} is open to others (mode {mode:04o})", hint=f"chmod 600 {path}")
