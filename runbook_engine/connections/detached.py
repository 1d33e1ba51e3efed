"""Runs commands that survive the connection and the engine, over any connection that can start a shell."""

import hashlib
import re
import time
from dataclasses import dataclass, field, replace

from runbook_engine.connections import detached_script as scripts
from runbook_engine.connections.detached_answer import PATIENCE as _PATIENCE
from runbook_engine.connections.detached_answer import Answer, ask, end_of, heard, read_answer
from runbook_engine.connections.detached_result import LOOK_THERE, is_over, result_of, state_of
from runbook_engine.connections.process import Process, Shell
from runbook_engine.connections.shell import become, bootstrap, check_argv, framed, login_for, new_mark, program
from runbook_engine.sdk import (
    Command,
    CommandLostError,
    CommandResult,
    CommandTimeoutError,
    DetachedState,
    DetachedStatus,
    NoConnectionError,
    OnOutput,
    Ready,
    RunbookError,
    TargetUnreachableError,
    format_seconds,
)

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_KEEP = 48 << 20  # an answer has two heads of at most 4 MiB and two tails of at most 1 MiB: never cut
_WAIT_SLICE = 20
_FIRST_LOOK = 3.0  # most commands end before, and a look costs the target about as much as a command
_STARTING_AT_MOST = 5.0
_DRAIN = 1.0
_FORGET_AT_ONCE = 8
# Whoever was frozen for longer may find that another finished the attempt and tidied up: no folder proves nothing then.
# (No lease is shorter, so that nobody else can have been at work before.)
_AGAIN_WITHIN = 10.0


@dataclass(slots=True)
class _Listener:
    """Hands output on as it comes, each byte once, however it was fetched; knows whether anything was seen of it."""

    on_output: OnOutput | None
    stdout: int = 0
    stderr: int = 0
    seen: bool = False

    def more(self, stdout: bytes, stderr: bytes) -> None:
        """Take bytes that follow those that were handed on before."""
        if self.on_output is not None and stdout:
            self.on_output("stdout", stdout)
        if self.on_output is not None and stderr:
            self.on_output("stderr", stderr)
        self.stdout += len(stdout)
        self.stderr += len(stderr)


@dataclass(slots=True)
class DetachedCommands:
    """The detached commands of one target.

    Args:
        shell: starts shells on the target.
        base: folder of the attempts on the target; None for `~/.runbook/attempts`.
        become_password: for sudo, when it wants one.
        forgotten: tokens whose folders are to go with the next start, shared by a target's connections.
        listen_every: seconds between two looks for output that somebody listens to.
        again_within: seconds after a start, within which a missing folder proves that nothing was begun.
    """

    shell: Shell
    base: str | None = None
    become_password: str | None = None
    forgotten: list[str] = field(default_factory=list)
    listen_every: float = 1.0
    again_within: float = _AGAIN_WITHIN

    def run(
        self,
        command: Command,
        token: str,
        timeout: float,
        on_output: OnOutput | None = None,
        ready: Ready | None = None,
    ) -> CommandResult:
        """Start the command unless the token's folder is there, and wait for its end; see `Connection.run_detached`.

        Raises:
            CommandTimeoutError: it did not end in time; says whether it is proven dead.
            CommandLostError: the target was rebooted, or the command killed from outside; nobody can tell how it ended.
            TargetUnreachableError: the connection was lost.
            RunbookError: the target refused the start (no room, no /proc); nothing ran.
        """
        if check_token(token) in self.forgotten:
            self.flush()
        begun = _now()
        deadline = time.monotonic() + timeout
        listener = _Listener(on_output)
        process, nonce = self._start(command, token, ready)
        try:
            result = self._follow(process, nonce, command, token, timeout, deadline, listener)
            if result is None:
                if _now() - begun > self.again_within:
                    raise TargetUnreachableError(
                        f"{self.shell.name}: the shell that was to start the command is gone, and so long ago that "
                        "nothing tells whether it ran",
                        hint=LOOK_THERE,
                    )
                process, nonce = self._start(command, token, ready)
                result = self._follow(process, nonce, command, token, timeout, deadline, listener)
        except NoConnectionError as error:
            # The start was sent before the connection was lost: the command may run.
            raise TargetUnreachableError(error.message, hint=error.hint) from error
        if result is None:
            raise TargetUnreachableError(f"{self.shell.name}: the command was not started: its shell ended, twice")
        return result

    def _follow(
        self,
        process: Process,
        nonce: str,
        command: Command,
        token: str,
        timeout: float,
        deadline: float,
        listener: _Listener,
    ) -> CommandResult | None:
        """Wait for the end of a command whose start was sent; None when it is proven that it never begins."""
        try:
            answer = self._listen(process, nonce, token, deadline, listener)
        finally:
            process.close()
        reattached = answer is not None and answer.state == "exists"
        if answer is None or not is_over(answer.state):
            answer = self._wait(token, deadline, timeout, listener, command)
        if answer.state == DetachedStatus.ABSENT:
            if listener.seen:
                words = f"{self.shell.name}: command {token} was seen, and what it left was removed by somebody else"
                raise CommandLostError(words, dead=False, hint=LOOK_THERE)
            if process.gone:
                return None
            words = process.stderr.content()[-500:].decode("utf-8", "replace").strip()
            raise TargetUnreachableError(
                f"{self.shell.name}: the command was not started: {words or 'no reason given'}"
            )
        result = result_of(self.shell.name, token, answer, reattached=reattached)
        listener.more(answer.stdout[listener.stdout :], answer.stderr[listener.stderr :])
        return result

    def probe(self, token: str) -> DetachedState:
        """Tell what became of the command; changes nothing."""
        if check_token(token) in self.forgotten:
            self.flush()
        nonce = new_mark()
        return state_of(self._ask(scripts.probe_script(self._place(token, nonce)), nonce).state)

    def forget(self, token: str) -> None:
        """Remove what the command left, together with the next start or `flush`."""
        self.forgotten.append(check_token(token))

    def flush(self) -> None:
        """Remove now what was to be forgotten."""
        tokens, self.forgotten[:] = tuple(self.forgotten), ()
        if tokens:
            place = self._place(tokens[0], new_mark())
            resident = self.shell.resident()
            if resident is not None:
                heard(self.shell, resident.forget(place, tokens, keep=_KEEP), place.nonce)
            else:
                self._ask(scripts.forget_script(place, tokens), place.nonce)

    def _start(self, command: Command, token: str, ready: Ready | None) -> tuple[Process, str]:
        nonce, mark = new_mark(), new_mark()
        check_argv(command.argv)
        # What reads an input gets a shell of its own: the resident one's input is the next script's.
        resident = None if command.stdin or command.become_user is not None else self.shell.resident()
        if resident is not None:
            try:
                if ready is not None:
                    ready()
            except BaseException:
                resident.give_back(clean=True)
                raise
        tokens = self._due()
        if resident is not None:
            return resident.begin(self._place(token, nonce), command, tokens, keep=_KEEP), nonce
        if command.become_user is None:
            start = scripts.Start(program(command), forget=tokens)
            given, secret = command.stdin, b""
        else:
            marked = replace(command, environment={**command.environment, scripts.MARK: token})
            other = become(marked, self.become_password)
            given, secret = other.given, other.secret
            # `exec`, so that the login and the command have one parent: sudo remembers a login by it.
            start = scripts.Start(f"exec {other.line}", other.take, other.login, command.become_user, forget=tokens)
        if given:
            start = replace(start, input_digest=hashlib.sha256(given).hexdigest())
        script = scripts.start_script(self._place(token, nonce), start)
        content = framed(script.text, mark) + secret + given
        return self.shell.start_shell(bootstrap(mark, script.library), content, keep=_KEEP, ready=ready), nonce

    def _due(self) -> tuple[str, ...]:
        """Give what a start is to remove besides, once it is worth a process on the target."""
        if len(self.forgotten) < _FORGET_AT_ONCE:
            return ()
        tokens, self.forgotten[:] = tuple(self.forgotten), ()
        return tokens

    def _place(self, token: str, nonce: str) -> scripts.Place:
        return scripts.Place(self.base, token, nonce)

    def _listen(self, process: Process, nonce: str, token: str, deadline: float, listener: _Listener) -> Answer | None:
        """Wait for the starter's own answer; None when it has to be asked for."""
        # `ended` comes at once; the answer behind it waits for a child of the command that still holds the output.
        ended = f"{nonce} ended\n".encode()
        every = max(self.listen_every, _FIRST_LOOK) if listener.on_output is not None else _WAIT_SLICE
        while (left := deadline - time.monotonic()) > 0:
            if process.pump(min(left, every), stop=ended):
                process.pump(_DRAIN, stop=end_of(nonce))
                return read_answer(process.stdout.content(), nonce)
            if listener.on_output is not None:
                every = self.listen_every
                self._fetch(token, listener)
        return None

    def _fetch(self, token: str, listener: _Listener) -> Answer:
        nonce = new_mark()
        script = scripts.listen_script(self._place(token, nonce), listener.stdout, listener.stderr)
        answer = self._ask(script, nonce)
        listener.seen |= answer.state != DetachedStatus.ABSENT
        listener.more(answer.stdout, answer.stderr)
        return answer

    def _wait(self, token: str, deadline: float, timeout: float, listener: _Listener, command: Command) -> Answer:
        """Ask until the command is over; end it when the time is over."""
        starting_since: float | None = None
        state = ""
        while True:
            left = deadline - time.monotonic()
            slice_ = 1 if listener.on_output is not None or state in ("", "starting") else _WAIT_SLICE
            nonce = new_mark()
            seconds = max(0, min(slice_, int(left)))
            script = scripts.wait_script(self._place(token, nonce), seconds)
            answer = self._ask(script, nonce, patience=seconds + _PATIENCE)
            state = answer.state
            listener.seen |= state != DetachedStatus.ABSENT
            if is_over(state):
                return answer
            if listener.on_output is not None:
                self._fetch(token, listener)
            if state == "starting":
                starting_since = starting_since or time.monotonic()
                if time.monotonic() - starting_since > _STARTING_AT_MOST:
                    raise CommandLostError(
                        f"{self.shell.name}: the start of command {token} was broken off; nothing tells whether it ran",
                        dead=False,
                        hint=LOOK_THERE,
                    )
            if deadline - time.monotonic() <= 0:
                return self._kill(token, timeout, command)

    def _kill(self, token: str, timeout: float, command: Command) -> Answer:
        nonce = new_mark()
        what = f"{self.shell.name}: {command.argv[0]} did not end within {format_seconds(timeout)}"
        try:
            login = login_for(command, self.become_password)
            script = scripts.kill_script(self._place(token, nonce), login.login)
            answer = ask(self.shell, script, nonce, given=login.secret)
        except TargetUnreachableError as lost:
            raise CommandTimeoutError(
                f"{what}, and it can't be told whether it still runs: {lost.message}", killed=False
            ) from lost
        if answer.verdict == "over":
            return answer
        if answer.verdict != "killed":
            raise CommandTimeoutError(f"{what}, and it can't be ended", killed=False)
        raise CommandTimeoutError(f"{what} and was ended", killed=True, hint="give the step a longer timeout")

    def _ask(self, script: scripts.Script, nonce: str, *, patience: float = _PATIENCE) -> Answer:
        return ask(self.shell, script, nonce, patience=patience)


def _now() -> float:
    """Give seconds that go on while this process, or the machine, sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def check_token(token: str) -> str:
    """Give the token back when it can be a folder's name.

    Raises:
        RunbookError: it can't.
    """
    if not _TOKEN.fullmatch(token):
        raise RunbookError(f"{token!r} can't be a token of a detached command", hint="letters, digits, - and _ only")
    return token
