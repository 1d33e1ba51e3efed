"""Actions that only measuring needs: nothing at all, a plain command, a sleep, and a crash in mid-run."""

import os
import signal
import time
from pathlib import Path

from pydantic import Field

from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Command,
    Effect,
    Finding,
    Params,
    satisfied,
    unknown,
    unsatisfied,
)


class NothingParams(Params):
    """Takes nothing."""


class Nothing(Action[NothingParams]):
    """Do nothing, so that a task costs what the engine costs.

    check: always satisfied.
    """

    name = "bench.nothing"
    Params = NothingParams

    def check(self, params: NothingParams, context: ActionContext) -> Finding:
        """Find it done."""
        del params, context
        return satisfied("there is nothing to do")


class PlainParams(Params):
    """The command."""

    shell: str = Field(description="a text for /bin/sh -c")


class Plain(Action[PlainParams]):
    """Run a command bound to its connection, as `command.run` does but for the detaching.

    check: nobody can tell.
    apply: runs it.
    """

    name = "bench.plain"
    effect = Effect.ONCE
    Params = PlainParams

    def check(self, params: PlainParams, context: ActionContext) -> Finding:
        """Say that only running it would tell."""
        del params, context
        return unknown("only running it would tell")

    def apply(self, params: PlainParams, context: ActionContext) -> Applied:
        """Run it."""
        result = context.connection.run(Command(("/bin/sh", "-c", params.shell)), timeout=context.remaining())
        if result.exit_status:
            raise ActionFailedError(f"it ended with {result.exit_status}")
        return Applied(outputs={"exit_status": result.exit_status})


class SleepParams(Params):
    """How long."""

    seconds: float = Field(description="seconds to sleep")


class Sleep(Action[SleepParams]):
    """Take time.

    check: sleeps, and is satisfied.
    """

    name = "bench.sleep"
    Params = SleepParams

    def check(self, params: SleepParams, context: ActionContext) -> Finding:
        """Sleep."""
        del context
        time.sleep(params.seconds)
        return satisfied("slept")


class CrashParams(Params):
    """Where to leave the marks."""

    folder: str = Field(description="folder for the marks")


class Crash(Action[CrashParams]):
    """Kill the engine at the first attempt, and note the moment of the second.

    check: satisfied once the moment is noted.
    apply: kills this process, or notes the moment.
    """

    name = "bench.crash"
    Params = CrashParams

    def check(self, params: CrashParams, context: ActionContext) -> Finding:
        """Look for the mark, and note when this was first asked after the crash."""
        del context
        folder = Path(params.folder)
        if (folder / "crashed").exists() and not (folder / "dispatched").exists():
            (folder / "dispatched").write_text(str(time.time()))
            return satisfied("dispatched again")
        return unsatisfied("to do")

    def apply(self, params: CrashParams, context: ActionContext) -> Applied:
        """Crash."""
        del context
        (Path(params.folder) / "crashed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
        return Applied()
