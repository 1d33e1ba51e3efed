"""file.line: a line is in a file on the target, or is not."""

import hashlib
import re
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from runbook_engine.actions.file_state import DIFF_LIMIT, FileOutputs, diff_of, folder_of
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Finding,
    JsonObject,
    Params,
    satisfied,
    unsatisfied,
)

_GREATEST = 8 << 20  # bytes of a file that is edited


class LineParams(Params):
    """Which line, in which file."""

    path: str = Field(
        min_length=1,
        description="path of the file on the target; write it absolute: a relative one begins at the project's folder "
        "on this machine, and at the login's home elsewhere",
        examples=["/etc/app/app.conf"],
    )
    line: str | None = Field(
        None, pattern=r"^[^\r\n\x00]*$", description="the line, without its end", examples=["role=standby"]
    )
    match: str | None = Field(
        None,
        min_length=1,
        description="regular expression (Python's), looked for in each line; the last line that it finds is replaced "
        "by `line`, which it must find, too, so that the next run sees that it is done; with `absent` each goes",
        examples=["^role="],
    )
    state: Literal["present", "absent"] = Field("present", description="whether it is to be there")
    after: str | None = Field(
        None,
        min_length=1,
        description="regular expression; a new line is put below the last line that it finds, else at the end",
        examples=[r"^\[server\]"],
    )
    create: bool = Field(default=False, description="make the file when it is missing; its folder must be there")
    mode: str | None = Field(
        None, pattern=r"^0?[0-7]{3,4}$", description="permission bits of a file that is made, octal, quoted"
    )

    @field_validator("match", "after")
    @classmethod
    def _is_expression(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"is no regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.state == "present" and self.line is None:
            raise ValueError("give line: what is to be there")
        if self.state == "absent" and (self.line is None) == (self.match is None):
            raise ValueError("give exactly one of line and match: what is to go")
        if self.state == "absent" and (self.after is not None or self.create):
            raise ValueError("after and create are for a line that is to be there")
        if self.state == "present" and self.match and not re.search(self.match, self.line or ""):
            raise ValueError("match must find line, or the next run would not see that it is done")
        return self


@dataclass(frozen=True, slots=True)
class _Edit:
    """The file now (None when there is none), as it is to be, and what is done to it."""

    now: bytes | None
    wanted: bytes | None
    done: str


class FileLine(Action[LineParams]):
    """Have a line in a file on the target, or take it out.

    check: reads the file (8 MiB at most) and shows what would be different. A link is refused: name the file itself.
    apply: writes the whole file under another name and renames it; owner and permissions stay. All other bytes stay,
    also those that are no text; a line that is replaced keeps its end, and a new one ends as the file's first line
    does. What somebody else writes between the reading and the renaming is lost: give steps that change one file a
    `mutex`.
    """

    name = "file.line"
    Params = LineParams
    Outputs = FileOutputs
    example: ClassVar[str] = """\
file.line:
  path: /etc/app/app.conf
  match: ^role=
  line: role=standby
"""

    def check(self, params: LineParams, context: ActionContext) -> Finding:
        """Look for it."""
        edit = _edit(params, context)
        if edit.now == edit.wanted:
            there = "has the line" if params.state == "present" else "does not have the line"
            return satisfied(f"{params.path} {there}", outputs=_outputs(params, edit.now))
        return unsatisfied(f"{params.path}: {edit.done}", changes=(_change(params, edit),))

    def apply(self, params: LineParams, context: ActionContext) -> Applied:
        """Write it."""
        edit = _edit(params, context)
        if edit.wanted is None or edit.now == edit.wanted:
            return Applied(summary=f"{params.path} was so already", changed=False)
        stat = context.connection.stat(params.path)
        mode = stat.mode if stat is not None else int(params.mode, 8) if params.mode is not None else None
        context.connection.write(params.path, edit.wanted, mode=mode)
        return Applied(summary=f"{params.path}: {edit.done}")


def _edit(params: LineParams, context: ActionContext) -> _Edit:
    """Read the file and give what it is to be.

    Raises:
        ActionFailedError: it is missing, no file, or too long.
    """
    stat = context.connection.stat(params.path)
    where = f"{params.path} on {context.target.name}"
    if stat is None:
        if params.state == "absent":
            return _Edit(None, None, "")
        if not params.create:
            raise ActionFailedError(f"{where} is missing", hint="set create: true to have it made")
        if context.connection.stat(folder_of(params.path)) is None:
            raise ActionFailedError(f"the folder of {where} is missing", hint="make it first")
        return _Edit(None, _bytes(f"{params.line}\n"), "the file is new")
    if stat.kind != "file":
        raise ActionFailedError(f"{where} is not a file ({stat.kind})", hint="name the file itself")
    if stat.size > _GREATEST:
        raise ActionFailedError(f"{where} is longer than {_GREATEST >> 20} MiB", hint="use file.copy or a command")
    now = context.connection.read(params.path, limit=_GREATEST)
    # Bytes that are no UTF-8 come back as they were.
    lines = now.decode("utf-8", "surrogateescape").split("\n")
    wanted, done = _without(params, lines) if params.state == "absent" else _with(params, lines)
    return _Edit(now, _bytes("\n".join(wanted)), done)


def _with(params: LineParams, lines: list[str]) -> tuple[list[str], str]:
    """Give the lines with the wanted one; the text behind the last line's end is an empty piece."""
    line, end = params.line or "", "\r" if lines[0].endswith("\r") else ""
    bare = [piece.removesuffix("\r") for piece in lines]
    count = len(lines) - (lines[-1] == "")
    found = [index for index in range(count) if _is_it(params, bare[index])]
    if found:
        at = found[-1]
        if bare[at] == line:
            return lines, ""
        own = lines[at][len(bare[at]) :]  # the end that this line has, which may be none
        return [*lines[:at], line + own, *lines[at + 1 :]], f"line {at + 1} is replaced"
    behind = [index for index in range(count) if params.after and re.search(params.after, bare[index])]
    at = behind[-1] + 1 if behind else count
    head = list(lines[:at])
    if at == len(lines) and head:
        head[-1] = head[-1].removesuffix("\r") + end  # the last line had no end
    return [*head, line + end, *(lines[at:] or [""])], f"line {at + 1} is new"


def _without(params: LineParams, lines: list[str]) -> tuple[list[str], str]:
    there = range(len(lines) - (lines[-1] == ""))  # the empty piece behind the last line's end is no line
    gone = {index for index in there if _is_it(params, lines[index].removesuffix("\r"))}
    kept = [piece for index, piece in enumerate(lines) if index not in gone]
    if len(lines) - 1 in gone:
        kept.append("")  # the last line had no end; the one that is the last now keeps its own
    return kept, f"{len(gone)} lines go"


def _is_it(params: LineParams, line: str) -> bool:
    return line == params.line if params.match is None else re.search(params.match, line) is not None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _outputs(params: LineParams, content: bytes | None) -> JsonObject:
    if content is None:
        return {"dest": params.path}
    return {"dest": params.path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _change(params: LineParams, edit: _Edit) -> Change:
    old, new = ((text or b"").decode("utf-8", "replace") for text in (edit.now, edit.wanted))
    if edit.now is None:
        return Change(what=params.path, before=None, after=new)
    if max(len(old), len(new)) > DIFF_LIMIT:
        return Change(what=params.path, after=edit.done)
    return Change(what=f"diff of {params.path}", after=diff_of(params.path, old, new))
