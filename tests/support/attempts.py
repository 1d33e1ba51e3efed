"""Attempts made of parts that keep what reached them."""

from typing import ClassVar

from runbook_engine.execution.attempt import attempt
from runbook_engine.execution.attempt_parts import AttemptTools
from runbook_engine.model.inventory import Target
from runbook_engine.model.outcome import Mode
from runbook_engine.ports.action import Action, Applied, Params
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.connection import CommandResult
from runbook_engine.ports.dispatcher import AttemptOrder
from runbook_engine.secrets.redaction import SecretRedactor
from support.simulation import FakeCatalog, VirtualClock


class Recorder:
    """A connection that keeps what reached it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def run(self, command, *, timeout, on_output=None):
        self.done.append(f"run {command.argv}")
        return CommandResult(0)

    def write(self, path, content, *, mode=None):
        self.done.append(f"write {path}")

    def make_directory(self, path, *, mode=None):
        self.done.append(f"mkdir {path}")

    def remove(self, path):
        self.done.append(f"remove {path}")

    def set_mode(self, path, mode):
        self.done.append(f"chmod {path}")

    def run_detached(self, command, *, token, timeout, on_output=None, ready=None):
        self.done.append(f"detached {command.argv}")

    def forget_detached(self, token):
        self.done.append("forget")

    def close(self):
        """Nothing to give back."""


class Hands:
    """Hands whose only service is the recording connection."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.asked: list[tuple[str, bool]] = []

    def connection(self, target, *, become_user):
        return self.recorder

    def http(self, *, read_only):
        self.asked.append(("http", read_only))

    def aws(self, service, *, region, account, role, endpoint, read_only):
        self.asked.append((service, read_only))

    def mail(self, *, read_only):
        self.asked.append(("mail", read_only))

    def sql(self, url, *, read_only):
        self.asked.append(("sql", read_only))


class Fill:
    """Puts the word `hunter22` for every placeholder."""

    def fill(self, value, secrets):
        if isinstance(value, str):
            for placeholder in secrets:
                value = value.replace(placeholder, "hunter22")
            return value
        if isinstance(value, dict):
            return {key: self.fill(item, secrets) for key, item in value.items()}
        return value


class NoParams(Params):
    word: str = ""


class Switch(Action[NoParams]):
    """A state that is on or off; counts what is done to it."""

    name = "test.switch"
    Params = NoParams
    findings: ClassVar[list] = []

    def __init__(self, *findings, apply_error=None) -> None:
        self._findings = list(findings)
        self._error = apply_error
        self.applied = 0
        self.tokens: list[str] = []

    def check(self, params, context):
        found = self._findings.pop(0) if len(self._findings) > 1 else self._findings[0]
        if isinstance(found, Exception):
            raise found
        return found

    def apply(self, params, context):
        self.applied += 1
        self.tokens.append(context.run.token)
        if self._error:
            raise self._error
        return Applied(summary="switched", outputs={"by": "apply", "both": 1})


class Look(Action[NoParams]):
    """A verification."""

    name = "test.look"
    Params = NoParams

    def __init__(self, finding) -> None:
        self._finding = finding

    def check(self, params, context):
        return self._finding


def try_it(action, *, hands=None, redactor=None, clock=None, cancelled=None, board=None, **order):
    facts = {
        "run": "r", "task": "s@t", "step": "s", "number": 1, "action": action.name, "parameters": {}, "secrets": {},
        "target": Target(name="t"), "mode": Mode.LIVE, "runbook": "b", "operator": "dana", "token": "tok",
        "timeout": 60.0,
    }  # fmt: skip
    tools = AttemptTools(
        FakeCatalog(action),
        hands or Hands(),
        Fill(),
        redactor or SecretRedactor(),
        clock or VirtualClock(),
        board=board,
    )
    return attempt(
        AttemptOrder(**{**facts, **order}), tools, cancelled=cancelled or CancelSignal(), on_progress=lambda _: None
    )
