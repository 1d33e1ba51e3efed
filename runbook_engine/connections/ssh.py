"""The connection to a target over SSH."""

import shlex
from dataclasses import replace

import paramiko

from runbook_engine.connections.detached import DetachedCommands
from runbook_engine.connections.detached_answer import ask
from runbook_engine.connections.detached_script import MARK, kill_session_script
from runbook_engine.connections.detaching import WithDetached
from runbook_engine.connections.files import WithFiles
from runbook_engine.connections.listen import BehindMark, as_user, split_mark
from runbook_engine.connections.shell import (
    bootstrap,
    check_argv,
    framed,
    is_open,
    login_for,
    new_mark,
    plain_script,
    portable,
)
from runbook_engine.connections.shell_files import ShellFiles
from runbook_engine.connections.ssh_files import SshFiles
from runbook_engine.connections.ssh_plain import GIVEN_AT_MOST
from runbook_engine.connections.ssh_pool import SshPool
from runbook_engine.connections.ssh_process import SshProcess
from runbook_engine.connections.ssh_resident import ResidentShell
from runbook_engine.sdk import (
    Command,
    CommandResult,
    CommandTimeoutError,
    OnOutput,
    Ready,
    Target,
    TargetUnreachableError,
    format_seconds,
)

_KEEP = 1 << 20
_DIGEST_SECONDS = 600.0


class SshConnection(WithDetached, WithFiles):
    """Runs commands and touches files on a target over SSH; nothing is opened before the first use.

    Args:
        become_user: run every command, and touch every file, as this user by sudo.
        base: where detached commands keep their folders on the target; None for `~/.runbook/attempts`.
    """

    def __init__(
        self,
        target: Target,
        pool: SshPool,
        *,
        become_user: str | None = None,
        become_password: str | None = None,
        base: str | None = None,
    ) -> None:
        self.name = target.name
        self._pool = pool
        self._route = pool.route(target)
        self._become_user, self._become_password = become_user, become_password
        forgotten = pool.forgotten(self._route, become_user or "")
        self._detached = DetachedCommands(self, base, become_password, forgotten)
        self._sftp = SshFiles(pool, self._route, self._digest)
        super().__init__(self._sftp if become_user is None else ShellFiles(self._plainly))

    def run(self, command: Command, *, timeout: float, on_output: OnOutput | None = None) -> CommandResult:
        """Run a command and wait for its end; its session is ended when the time is over."""
        check_argv(command.argv)
        command = as_user(command, self._become_user)
        nonce = new_mark()
        return self._by_resident(command, nonce, timeout, on_output) or self._alone(command, nonce, timeout, on_output)

    def _by_resident(
        self, command: Command, nonce: str, timeout: float, on_output: OnOutput | None
    ) -> CommandResult | None:
        """Have the shell that stays run a command; None where there is none that can, and nothing was begun."""
        itself = self._itself(command, nonce)
        if len(itself.stdin) > GIVEN_AT_MOST:
            return None
        shell = self._pool.residents.take(self.name, self._route, perl=True)
        if shell is None:
            return None
        process = shell.plain(nonce, itself, command.argv[0], keep=_KEEP)
        try:
            ended = process.pump(timeout, on_output)
        finally:
            process.close()
        if not ended or process.exit_status is None:
            raise self._timed_out(command, timeout, process.session, nonce)
        out, err = process.stdout, process.stderr
        return CommandResult(process.exit_status, out.content(), err.content(), out.total, err.total)

    def _itself(self, command: Command, token: str) -> Command:
        """Give what has to be run so that the command runs as its user, by which a kill finds it, too."""
        marked = replace(command, environment={**command.environment, MARK: token})
        if command.become_user is None:
            return marked
        mark = new_mark()
        script, given = plain_script(marked, None, self._become_password)
        return Command(("sh", "-c", bootstrap(mark)), stdin=framed(script, mark) + given)

    def _alone(self, command: Command, nonce: str, timeout: float, on_output: OnOutput | None) -> CommandResult:
        """Run a command in a session of sshd of its own."""
        self._pool.residents.check(self.name, self._route)
        mark = new_mark()
        script, given = plain_script(command, nonce, self._become_password)
        if is_open(command, script):
            process = self._start(script, given or None, keep=_KEEP)
        else:
            process = self._start(bootstrap(mark), framed(script, mark) + given, keep=_KEEP)
        try:
            ended = process.pump(timeout, on_output=BehindMark(on_output, nonce.encode()) if on_output else None)
        finally:
            process.close()
        told, stderr = split_mark(process.stderr.content(), nonce.encode()) or (b"", process.stderr.content())
        if not ended:
            raise self._timed_out(command, timeout, int(told) if told.strip().isdigit() else None)
        if process.exit_status is None:
            raise TargetUnreachableError(f"{self.name}: {command.argv[0]} ended without an exit status")
        out = process.stdout.content()
        _, stdout = split_mark(out, nonce.encode()) or (b"", out)
        return CommandResult(
            process.exit_status,
            stdout,
            stderr,
            process.stdout.total - len(out) + len(stdout),
            process.stderr.total - len(process.stderr.content()) + len(stderr),
        )

    def flush_forgotten(self) -> None:
        """Remove now what was to be forgotten."""
        self._detached.flush()

    def close(self) -> None:
        """Give the session for files back; the transport stays in the pool."""
        self._sftp.close()

    def start_shell(self, line: str, given: bytes, *, keep: int, ready: Ready | None = None) -> SshProcess:
        """Start `sh -c line` in a session of its own, which sshd makes for every command."""
        self._pool.residents.check(self.name, self._route)
        return self._start(line, given, keep=keep, ready=ready)

    def _start(self, line: str, given: bytes | None, *, keep: int, ready: Ready | None = None) -> SshProcess:
        link, channel = self._pool.session(self._route)
        try:
            channel.settimeout(self._route[-1].connect_seconds)
            channel.exec_command(f"exec sh -c {shlex.quote(portable(line))}")
        except (paramiko.SSHException, EOFError, OSError) as error:
            channel.close()
            self._pool.release(link)
            raise TargetUnreachableError(
                f"{self.name}: the command could not be sent: {link.lost or error or 'connection closed'}",
                hint="whether it was started is unknown",
            ) from error
        try:
            if ready is not None:
                ready()  # a shell that is given nothing does nothing
        except BaseException:
            channel.close()
            self._pool.release(link)
            raise
        return SshProcess(self.name, self._pool, link, channel, given, keep=keep)

    def resident(self) -> ResidentShell | None:
        """Give a shell that stays on the target."""
        return self._pool.residents.take(self.name, self._route)

    def _timed_out(
        self, command: Command, timeout: float, session: int | None, token: str | None = None
    ) -> CommandTimeoutError:
        what = f"{self.name}: {command.argv[0]} did not end within {format_seconds(timeout)}"
        if session is None:
            return CommandTimeoutError(f"{what}, and it can't be told whether it was started", killed=False)
        nonce = new_mark()
        try:
            login = login_for(command, self._become_password)
            script = kill_session_script(session, nonce, command.become_user, login.login, token)
            answer = ask(self, script, nonce, given=login.secret)
        except TargetUnreachableError as lost:
            return CommandTimeoutError(f"{what}, and can't be ended: {lost.message}", killed=False)
        if answer.verdict == "killed":
            return CommandTimeoutError(f"{what} and was ended", killed=True)
        return CommandTimeoutError(f"{what} and can't be ended", killed=False)

    def _plainly(self, command: Command, seconds: float) -> CommandResult:
        return self.run(command, timeout=seconds)

    def _digest(self, path: str) -> str | None:
        """Give a file's SHA-256 by the target's own tool; None when it has none."""
        safe = f"./{path}" if path.startswith("-") else path
        result = self.run(Command(("sha256sum", "--", safe)), timeout=_DIGEST_SECONDS)
        if result.exit_status != 0:
            return None
        return result.stdout.lstrip(b"\\")[:64].decode("ascii", "replace")


def connect(
    target: Target, pool: SshPool, *, become_user: str | None = None, become_password: str | None = None
) -> SshConnection:
    """Give a connection to a target; everything else about it stands in the target's variables.

    Raises:
        RunbookError: a variable or the SSH configuration is not valid.
    """
    return SshConnection(target, pool, become_user=become_user, become_password=become_password)
