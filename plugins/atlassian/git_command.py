"""Runs git so that only what is asked for happens: no hooks, no prompts, nobody's configuration, no other host.

Standard library alone: it works in a process of its own, which outlives the engine.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

# What git may see of our own environment. Everything else could change what it does, or make it tell what it sends.
_PASSED = frozenset({
    "PATH", "HOME", "TMPDIR", "TZ", "RUNBOOK_ATTEMPT",
    "http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
})  # fmt: skip
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.fsync=committed,loose-object,reference",
    "credential.helper=",  # a helper would be told the token once it worked, and may store it
    "http.followRedirects=false",  # no other host gets the token, nor is asked for objects (http-alternates)
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "transfer.bundleURI=false",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "fetch.unpackLimit=1",
    "gc.auto=0",  # what was once fetched stays: nothing is pruned from a backup
    "maintenance.auto=false",
    "pack.threads=1",
    "pack.windowMemory=256m",
    "protocol.allow=never",
)
# The prompt names whom git would give the answer to; the token is for nobody else.
_ASKPASS = """#!/bin/sh
case "$1" in
"Username for '$RUNBOOK_GIT_ORIGIN': ") printf '%s\\n' "$RUNBOOK_GIT_USER" ;;
"Password for '$RUNBOOK_GIT_PLACE': ") printf '%s\\n' "$RUNBOOK_GIT_PASSWORD" ;;
*) exit 1 ;;
esac
"""
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
_SHOWN = 800  # characters of git's own words


class JobError(Exception):
    """A job could not be done; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class GitError(JobError):
    """Git ended with an error: its exit status, and everything that it said, line by line."""

    def __init__(self, message: str, status: int, lines: Sequence[str]) -> None:
        super().__init__(message)
        self.status, self.lines = status, lines


@dataclass(frozen=True)
class Login:
    """Who logs in where: an origin (`https://host`), the user that git is to give, and the token."""

    origin: str
    user: str
    token: str = field(repr=False)
    askpass: str = ""

    def environment(self) -> dict[str, str]:
        """Give what the answering script reads."""
        scheme, _, host = self.origin.partition("://")
        return {
            "GIT_ASKPASS": self.askpass,
            "RUNBOOK_GIT_ORIGIN": self.origin,
            "RUNBOOK_GIT_PLACE": f"{scheme}://{self.user}@{host}",
            "RUNBOOK_GIT_USER": self.user,
            "RUNBOOK_GIT_PASSWORD": self.token,
        }


@contextmanager
def answering(login: Login) -> Iterator[Login]:
    """Have a script, for the while, that answers git's prompts; it holds no secret itself."""
    with TemporaryDirectory(prefix="runbook-git-") as folder:
        script = Path(folder, "askpass")
        script.write_text(_ASKPASS, encoding="ascii")
        script.chmod(0o700)
        yield replace(login, askpass=str(script))


@dataclass(frozen=True)
class Repository:
    """A bare repository, whose configuration is ours alone: it is written anew each time.

    Args:
        keep: file descriptors that git's processes inherit, so that a lock lasts as long as the last of them.
    """

    path: Path
    keep: tuple[int, ...] = ()

    def make(self) -> None:
        """Make it, or make sure that it can be read again after it was half made."""
        if self.path.is_dir():
            (self.path / "config").write_text(_CONFIG, encoding="ascii")
        self._git(("init", "--quiet", "--bare", "--template=", str(self.path)))
        (self.path / "config").write_text(_CONFIG, encoding="ascii")

    def local(self, *arguments: str, given: bytes = b"") -> str:
        """Run git on it, with no way to the network."""
        return self._git((f"--git-dir={self.path}", *arguments), given=given)

    def from_file(self, *arguments: str) -> str:
        """Run git on it, where it may read bundles and other repositories of this machine."""
        return self._git((f"--git-dir={self.path}", *arguments), protocol="file")

    def online(self, url: str, login: Login, *arguments: str) -> str:
        """Run git on it, where it may talk to that host alone."""
        protocol = urlsplit(url).scheme
        return self._git((f"--git-dir={self.path}", *arguments), protocol=protocol, more=login.environment())

    def refs(self, *, without: str = "") -> dict[str, str]:
        """Give its references with what they point at, HEAD excepted."""
        lines = self.local("for-each-ref", "--format=%(objectname) %(refname)").splitlines()
        found = {name: oid for oid, _, name in (line.partition(" ") for line in lines)}
        return {name: oid for name, oid in found.items() if not (without and name.startswith(without))}

    def _git(
        self,
        arguments: Sequence[str],
        *,
        given: bytes = b"",
        protocol: str = "",
        more: Mapping[str, str] | None = None,
    ) -> str:
        allowed = [*_SETTINGS, *([f"protocol.{protocol}.allow=always"] if protocol else [])]
        argv = ["git", *(word for setting in allowed for word in ("-c", setting)), *arguments]
        try:
            done = subprocess.run(
                argv,
                input=given,
                capture_output=True,
                check=False,
                env={**_environment(), "GIT_ALLOW_PROTOCOL": protocol, **(more or {})},
                pass_fds=self.keep,
            )
        except FileNotFoundError:
            raise JobError("git is not installed here", "install git where the engine runs") from None
        if done.returncode != 0:
            words = _words(done.stderr or done.stdout)
            verb = next(word for word in arguments if not word.startswith("-"))
            lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
            raise GitError(f"git {verb}: {words or f'exit status {done.returncode}'}", done.returncode, lines)
        return done.stdout.decode("utf-8", "surrogateescape")


def refs_digest(refs: Mapping[str, str]) -> str:
    """Give the SHA-256 over all references: one line each, sorted by name."""
    import hashlib

    lines = "".join(f"{refs[name]} {name}\n" for name in sorted(refs))
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def _environment() -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if name in _PASSED}
    if "SSL_CERT_FILE" in passed:  # as Python's TLS reads it, so that both trust the same
        passed.setdefault("GIT_SSL_CAINFO", passed["SSL_CERT_FILE"])
    return {
        **passed,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "false",
    }


def _words(data: bytes) -> str:
    """Give git's own words on one line, without signs that would steer a terminal; the last ones say why."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", data.decode("utf-8", "replace"))
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"… {text[-_SHOWN:]}"
