"""archive.restore: a folder on the target with the content of an archive whose checksum is known."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.known_copy import expect_copy, last_words, other_copy
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Command,
    Effect,
    Finding,
    Outputs,
    Params,
    satisfied,
    unsatisfied,
)

MARKER = ".runbook-archive"
_OTHER_ARCHIVE = 65
_NOT_EMPTY = 66
_DEVICES = 67

# Unpacked beside the folder and renamed when whole: nobody sees a half one. The marker is written last.
SCRIPT = """set -eu
archive=$1 sha256=$2 dest=$3 part=$4 before=$5 strip=$6 replace=$7
found=$(sha256sum <"$archive"); [ "${found%% *}" = "$sha256" ] || exit 65
tar -t -v -f "$archive" | LC_ALL=C awk '/^[bc]/ { bad = 1 } END { exit bad }' || exit 67
rm -rf "$part"; mkdir -m 700 "$part"; mkdir "$part/new"
trap 'rm -rf "$part"' EXIT
tar -x -p -f "$archive" -C "$part/new" --strip-components="$strip"
# As GNU tar does for others than root: a program from an archive gets nobody's rights but those of who calls it.
find "$part/new" -type f '(' -perm -4000 -o -perm -2000 ')' -print -exec chmod u-s,g-s '{}' +
printf '%s\\n' "$sha256" >"$part/new/.runbook-archive"
sync
if [ -e "$dest" ] && ! rmdir "$dest" 2>/dev/null; then
  [ "$replace" = 1 ] || exit 66
  mv -T "$dest" "$before"
fi
mv -T "$part/new" "$dest"
"""


class ArchiveParams(Params):
    """Which archive, whereto."""

    archive: str = Field(
        pattern=r"^/.*[^/]$",
        description="path of the archive on the target: tar, plain or compressed by what its tar knows",
        examples=["/srv/backup/app-2026-11-25.tar.gz"],
    )
    sha256: str = Field(
        pattern="^[0-9a-f]{64}$",
        description="the archive's SHA-256, from where who can change the archive can't change it",
        examples=["{{ app_archive_sha256 }}"],
    )
    dest: str = Field(
        pattern=r"^/.*[^/]$",
        description="the folder that is to hold the archive's content; the folder above it must be there",
        examples=["/opt/app"],
    )
    strip: int = Field(0, ge=0, le=20, description="leading parts of the names in the archive that are left out")
    replace: bool = Field(
        default=False,
        description="whether a folder that holds something else may be replaced; it is kept beside, renamed",
    )


class ArchiveOutputs(Outputs):
    """What was restored."""

    dest: str = Field("", description="the folder")
    sha256: str = Field("", description="SHA-256 of the archive that it was restored from")
    before: str = Field("", description="where the folder that stood there is kept; empty when there was none")


class ArchiveRestore(Action[ArchiveParams]):
    """Restore a folder from an archive whose SHA-256 is known.

    check: done when the folder's marker (`.runbook-archive`) says that it was restored from this archive; what the app
    wrote since does not count. Otherwise the archive must be there and have its SHA-256, and the folder must be
    missing, empty or to be replaced.
    apply: hashes the archive once more, unpacks it beside the folder with owners and permissions, and renames it. An
    archive with device nodes is refused; files lose their set-user-id and set-group-id bits (the output names them). A
    folder that is replaced is kept under another name. Runs detached: a lost connection does not end it.
    """

    name = "archive.restore"
    effect = Effect.TOKEN
    reversible = False
    duration = "as long as reading and writing it takes"
    Params = ArchiveParams
    Outputs = ArchiveOutputs
    example: ClassVar[str] = """\
archive.restore:
  archive: /srv/backup/app-2026-11-25.tar.gz
  sha256: e9908be886bc09f2e392c8c1f373e14b69762ec648fe8d680881f862e76dba49
  dest: /opt/app
  strip: 1
"""

    def check(self, params: ArchiveParams, context: ActionContext) -> Finding:
        """Look at the folder, then at the archive."""
        state = _folder(params, context)
        if state == "restored":
            outputs = {"dest": params.dest, "sha256": params.sha256, "before": _kept(params, context)}
            return satisfied(f"{params.dest} was restored from this archive", outputs=outputs)
        if state == "other" and not params.replace:
            raise _holds_other(params, context)
        expect_copy(context, params.archive, params.sha256, kind="archive")
        return unsatisfied(
            f"{params.dest} is to be restored", changes=(Change(what=params.dest, before=state, after=params.archive),)
        )

    def apply(self, params: ArchiveParams, context: ActionContext) -> Applied:
        """Unpack it."""
        before = _before(params, context)
        part = f"{params.dest}.part-{params.sha256[:12]}"
        words = (params.archive, params.sha256, params.dest, part, before, str(params.strip))
        command = Command(("/bin/sh", "-c", SCRIPT, self.name, *words, "1" if params.replace else "0"))
        result = context.connection.run_detached(
            command, token=context.run.token, timeout=context.remaining(), on_output=context.output
        )
        if result.exit_status == _OTHER_ARCHIVE:
            raise other_copy(context, params.archive, kind="archive")
        if result.exit_status == _NOT_EMPTY:
            raise _holds_other(params, context)
        if result.exit_status == _DEVICES:
            raise ActionFailedError(
                f"{params.archive} holds device nodes (or its list can't be read), and nothing was unpacked",
                hint="make the archive of the app's own files alone",
            )
        if result.exit_status != 0:
            said = last_words(result) or "no reason given"
            raise ActionFailedError(
                f"{params.archive} could not be unpacked on {context.target.name}: {said}",
                hint="is there room, and may the login write there?",
            )
        kept = _kept(params, context)
        beside = f"; what stood there is {kept}" if kept else ""
        return Applied(summary=f"{params.dest} restored{beside}", outputs={"before": kept})


def _before(params: ArchiveParams, context: ActionContext) -> str:
    """Give where this attempt keeps what stood there, the same after a crash."""
    return f"{params.dest}.before-{context.run.token[:12]}"


def _kept(params: ArchiveParams, context: ActionContext) -> str:
    """Give where it is kept, asked of the target: an engine may have been killed before it wrote that down."""
    before = _before(params, context)
    return before if context.connection.stat(before) is not None else ""


def _folder(params: ArchiveParams, context: ActionContext) -> str:
    """Say what the folder is: missing, empty, restored, other."""
    found = context.connection.stat(params.dest)
    if found is None:
        return "missing"
    if found.kind != "directory":
        raise ActionFailedError(
            f"{params.dest} on {context.target.name} is not a folder ({found.kind})", hint="name the folder itself"
        )
    marker = f"{params.dest}/{MARKER}"
    noted = context.connection.stat(marker)
    if noted is not None and noted.kind == "file":
        said = context.connection.read(marker, limit=1000).decode("ascii", "replace").strip()
        return "restored" if said == params.sha256 else "other"
    return "other" if context.connection.listdir(params.dest) else "empty"


def _holds_other(params: ArchiveParams, context: ActionContext) -> ActionFailedError:
    return ActionFailedError(
        f"{params.dest} on {context.target.name} holds something else",
        hint="say `replace: true`, which keeps it beside under another name, or name another folder",
    )
