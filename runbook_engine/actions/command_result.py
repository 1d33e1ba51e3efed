"""Turns how a command ended into outputs, or into an error that shows its last words."""

import json
from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from runbook_engine.sdk import ActionFailedError, CommandResult, Outputs

CAP = 64 * 1024
LAST_LINES = 8
_DEEPEST = 200  # outputs hold about 250 levels

ExitStatus = Annotated[int, Field(ge=0, le=255, strict=True)]


class CommandOutputs(Outputs):
    """What a command leaves behind; absent when the step found its work done and ran nothing."""

    exit_status: int | None = Field(None, description="exit status, 128 + N when signal N ended it")
    stdout: str = Field("", description="standard output as text, 64 KiB at most, without the last line's end")
    stderr: str = Field("", description="standard error, likewise")
    parsed: JsonValue = Field(None, alias="json", description="standard output read as JSON, with `parse: json`")


def outputs_of(
    result: CommandResult, *, what: str, target: str, ok: Collection[int], parse: Literal["json"] | None
) -> dict[str, JsonValue]:
    """Give a command's outputs.

    Raises:
        ActionFailedError: the exit status is none of `ok`, or the output was to be JSON and isn't.
    """
    stdout, stderr = _text(result.stdout), _text(result.stderr)
    if result.exit_status not in ok:
        last = "\n".join((stderr or stdout).splitlines()[-LAST_LINES:])
        said = f":\n{last}" if last else ", and it said nothing"
        raise ActionFailedError(
            f"{what} ended with exit status {result.exit_status} on {target}{said}",
            hint="the whole output is kept with the attempt; name other good statuses in ok_exit_statuses",
        )
    outputs: dict[str, JsonValue] = {"exit_status": result.exit_status, "stdout": stdout, "stderr": stderr}
    if parse == "json":
        outputs["json"] = _json(result.stdout, what, target)
    return outputs


def _text(data: bytes) -> str:
    """Give the text of a stream: capped at head and tail, undecodable bytes replaced."""
    if len(data) > CAP:
        half = CAP // 2
        data = data[:half] + f"\n… {len(data) - CAP} bytes left out …\n".encode() + data[-half:]
    return data.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")


def _is_deeper(value: JsonValue, levels: int) -> bool:
    """Whether lists and mappings stand in one another on more levels."""
    inside: list[Any] = [value]
    for _ in range(levels + 1):
        inside = [
            part
            for one in inside
            if isinstance(one, list | dict)
            for part in (one.values() if isinstance(one, dict) else one or [None])
        ]
        if not inside:
            return False
    return True


def _json(data: bytes, what: str, target: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(data)
        if _is_deeper(value, _DEEPEST):
            raise RecursionError  # noqa: TRY301 - some Pythons read what no output can hold, others do not
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise ActionFailedError(
            f"the output of {what} on {target} is not JSON: {why}",
            hint="let the command print one JSON value and nothing else, or leave `parse` out",
        ) from None
    return value
