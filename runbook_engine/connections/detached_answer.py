"""Reads what the detached command's scripts say; a random word marks their lines, so that no output imitates them."""

from dataclasses import dataclass

from runbook_engine.connections.detached_script import Script
from runbook_engine.connections.process import Process, Shell
from runbook_engine.connections.shell import bootstrap, framed, new_mark
from runbook_engine.sdk import RunbookError, TargetUnreachableError, format_seconds

PATIENCE = 30.0  # for answers that need no waiting on the target, on a busy machine
_KEEP = 48 << 20
_DIGITS = 18  # of a number that a target says; Python refuses to read one of thousands


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script said: the state in its own words (`done 3`), output, how many bytes lack, the verdict of a kill."""

    state: str
    stdout: bytes = b""
    stderr: bytes = b""
    stdout_dropped: int = 0
    stderr_dropped: int = 0
    verdict: str = ""


def ask(shell: Shell, script: Script, nonce: str, *, given: bytes = b"", patience: float = PATIENCE) -> Answer:
    """Run a script that answers soon; `given` is its input.

    Raises:
        TargetUnreachableError: no answer.
        RunbookError: the target refused.
    """
    resident = None if given else shell.resident()
    if resident is not None:
        process = resident.start(script.text, nonce, keep=_KEEP)
    else:
        mark = new_mark()
        process = shell.start_shell(bootstrap(mark, script.library), framed(script.text, mark) + given, keep=_KEEP)
    return heard(shell, process, nonce, patience=patience)


def heard(shell: Shell, process: Process, nonce: str, *, patience: float = PATIENCE) -> Answer:
    """Wait for the answer of a script that was begun.

    Raises:
        TargetUnreachableError: no answer.
        RunbookError: the target refused.
    """
    try:
        if not process.pump(patience, stop=end_of(nonce)):
            raise TargetUnreachableError(f"{shell.name}: no answer within {format_seconds(patience)}")
        answer = read_answer(process.stdout.content(), nonce)
        if answer is None:
            words = heard_words(process.stderr.content()[-500:]) or heard_words(process.stdout.content()[-500:])
            raise TargetUnreachableError(f"{shell.name}: the shell gave no answer: {words or 'it was ended'}")
        return answer
    finally:
        process.close()


def heard_words(content: bytes, *, limit: int = 300) -> str:
    """Give what a server said as one short line that no terminal obeys."""
    text = " ".join(content.decode("utf-8", "replace").split())
    line = "".join(one if one.isprintable() else "?" for one in text)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def end_of(nonce: str) -> bytes:
    """Give the line that ends an answer."""
    return f"\n{nonce} end\n".encode()


def read_answer(content: bytes, nonce: str) -> Answer | None:
    """Read what a script said; None when it is not whole.

    Raises:
        RunbookError: the target refused the start; nothing ran.
    """
    mark = nonce.encode()
    body, end, _ = content.partition(end_of(nonce))
    if not end:
        return None
    if (at := body.find(mark + b" refused ")) >= 0:
        why = body[at + len(mark) + 9 :].decode("utf-8", "replace").strip()
        raise RunbookError(f"the target refused to start the command: {why}")
    _, found, rest = body.partition(mark + b" verdict ")
    words = rest.partition(b"\n")[0].decode("ascii", "replace") if found else ""
    _, found, rest = body.partition(mark + b" state ")
    if not found:
        if mark + b" exists\n" in body:  # not at the start: a login's start-up files may print text before it
            return Answer("exists")
        return Answer("", verdict=words) if words else None
    line, _, rest = rest.partition(b"\n")
    name = line.decode("ascii", "replace").strip()
    # By hand: a pattern with a new word each time would be compiled each time, which costs more than all the rest.
    _, _, rest = rest.partition(b"\n" + mark + b" out ")
    output, _, errors = rest.rpartition(b"\n" + mark + b" err ")
    out_dropped, _, stdout = output.partition(b"\n")
    err_dropped, _, stderr = errors.partition(b"\n")
    if not all(one.isdigit() and len(one) <= _DIGITS for one in (out_dropped, err_dropped)):
        return Answer(name, verdict=words)
    return Answer(name, stdout, stderr, int(out_dropped), int(err_dropped), words)
