"""runbook doctor: is this machine ready."""

from pathlib import Path

from runbook_engine.app.doctor import examine
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import output_option
from runbook_engine.cli.terminal import result, result_json
from runbook_engine.model.errors import ExitCode


@documented
@output_option("text", "json")
def doctor(output: str) -> int:
    """Look whether this machine and project are ready.

    Each line says what to do. Ends with 1 when something is wrong.

    Example:
      runbook doctor
    """
    checks = examine(Path.cwd())
    if output == "json":
        result_json([check.model_dump(mode="json") for check in checks])
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            result(f"{check.level.ljust(5)}  {check.name.ljust(width)}  {check.text}")
            if check.hint and check.level != "ok":
                result(f"{'':5}  {'':{width}}  → {check.hint}")
    return ExitCode.FAILED if any(check.level == "wrong" for check in checks) else ExitCode.OK
