"""What `file.copy` and `file.template` have in common: one file on the target, compared and written whole."""

import difflib
import hashlib
from dataclasses import dataclass

from pydantic import Field

from runbook_engine.sdk import (
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    FileStat,
    Finding,
    Outputs,
    Params,
    satisfied,
    unsatisfied,
)

DIFF_LIMIT = 64 * 1024


class FileParams(Params):
    """Where the file goes, and with which permissions."""

    dest: str = Field(
        min_length=1,
        description="path of the file on the target; write it absolute: a relative one begins at the project's folder "
        "on this machine, and at the login's home elsewhere",
        examples=["/etc/app/app.conf"],
    )
    mode: str | None = Field(
        None,
        pattern=r"^0?[0-7]{3,4}$",
        description="permission bits, octal, quoted; without it an existing file keeps its own",
        examples=["0644"],
    )
    parents: bool = Field(default=False, description="make the folders above it when they are missing")


class FileOutputs(Outputs):
    """The file as it is on the target."""

    dest: str = Field("", description="its path")
    sha256: str = Field("", description="SHA-256 of its content, hexadecimal")
    size: int = Field(0, description="its size in bytes")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The content that the file shall have, and where it comes from (for people)."""

    content: bytes
    origin: str

    @property
    def sha256(self) -> str:
        """The content's SHA-256, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def look_at_file(params: FileParams, wanted: Wanted, context: ActionContext) -> Finding:
    """Compare the file with what it shall be.

    Raises:
        ActionFailedError: something that is no file stands there, or its folder is missing and isn't to be made.
    """
    stat = context.connection.stat(params.dest)
    _refuse_impossible(params, stat, context)
    changes = [*_content_changes(params, wanted, stat, context), *_mode_changes(params, stat)]
    if changes:
        return unsatisfied(f"{params.dest} differs from {wanted.origin}", changes=tuple(changes))
    outputs = {"dest": params.dest, "sha256": wanted.sha256, "size": len(wanted.content)}
    return satisfied(f"{params.dest} is as {wanted.origin}", outputs=outputs)


def write_file(params: FileParams, wanted: Wanted, context: ActionContext) -> Applied:
    """Make the file what it shall be."""
    stat = context.connection.stat(params.dest)
    _refuse_impossible(params, stat, context)
    mode = _bits(params)
    if stat is not None and stat.kind == "file" and context.connection.sha256(params.dest) == wanted.sha256:
        if mode is not None:
            context.connection.set_mode(params.dest, mode)
        return Applied(summary=f"set the permissions of {params.dest}")
    if params.parents:
        context.connection.make_directory(folder_of(params.dest))
    if mode is None and stat is not None and stat.kind == "file":
        mode = stat.mode
    context.connection.write(params.dest, wanted.content, mode=mode)
    return Applied(summary=f"wrote {params.dest} ({len(wanted.content)} bytes)")


def _refuse_impossible(params: FileParams, stat: FileStat | None, context: ActionContext) -> None:
    where = f"{params.dest} on {context.target.name}"
    if stat is not None and stat.kind in {"directory", "other"}:
        raise ActionFailedError(f"{where} is not a file ({stat.kind})", hint="give the file's own path as dest")
    if stat is None and not params.parents and context.connection.stat(folder_of(params.dest)) is None:
        raise ActionFailedError(f"the folder of {where} is missing", hint="set parents: true to have it made")


def _content_changes(params: FileParams, wanted: Wanted, stat: FileStat | None, context: ActionContext) -> list[Change]:
    if stat is None:
        return [Change(what=params.dest, before=None, after=_shown(wanted.content))]
    if stat.kind == "link":
        return [Change(what=params.dest, before="a link", after=f"a file, {len(wanted.content)} bytes")]
    now = context.connection.sha256(params.dest)
    if now == wanted.sha256:
        return []
    if max(stat.size, len(wanted.content)) <= DIFF_LIMIT:
        old = as_text(context.connection.read(params.dest, limit=DIFF_LIMIT))
        new = as_text(wanted.content)
        if old is not None and new is not None:
            return [Change(what=f"diff of {params.dest}", after=diff_of(params.dest, old, new))]
    return [Change(what=f"SHA-256 of {params.dest}", before=now, after=wanted.sha256)]


def _mode_changes(params: FileParams, stat: FileStat | None) -> list[Change]:
    mode = _bits(params)
    if mode is None or stat is None or stat.kind != "file" or stat.mode == mode:
        return []
    return [Change(what=f"mode of {params.dest}", before=f"{stat.mode:04o}", after=f"{mode:04o}")]


def diff_of(path: str, old: str, new: str) -> str:
    """Show what would be different, line by line."""
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), fromfile=path, tofile=f"{path} (wanted)", lineterm=""
    )
    text = "\n".join(lines)
    return text or "only the ends of lines differ"


def _shown(content: bytes) -> str:
    text = as_text(content) if len(content) <= DIFF_LIMIT else None
    return f"a new file, {len(content)} bytes" if text is None else text


def as_text(content: bytes) -> str | None:
    """Give the content as text; None when it is none."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _bits(params: FileParams) -> int | None:
    return None if params.mode is None else int(params.mode, 8)


def folder_of(path: str) -> str:
    """Give the folder that a path is in."""
    return path.rpartition("/")[0] or "/"
