"""The use case `audit check`: is an evidence bundle whole, who signed it, and do its parts say the same; offline."""

import binascii
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from runbook_engine import version
from runbook_engine.app.evidence_file import BundleError, check_sums, unpack
from runbook_engine.app.report import render_report
from runbook_engine.journals.chain import EventRow, genesis, read_rows, row_of
from runbook_engine.journals.verify import OutputFact, verify_alone
from runbook_engine.loading.limited_file import open_plain
from runbook_engine.model.errors import JournalError, UsageError
from runbook_engine.model.event import LeaseTaken, RunClosed, RunOpened, StoredEvent
from runbook_engine.model.evidence import CONTROLS, EVENTS, MANIFEST, REPORT, SIGNATURE, Manifest
from runbook_engine.model.report import RunReport
from runbook_engine.model.ssh_signature import EVIDENCE, SignatureError, fingerprint, key_blob, verify
from runbook_engine.reporting.build import build_report
from runbook_engine.reporting.evidence import controls

_LONGEST_LINE = 64 << 20
_LARGEST_KEYS = 16 << 20
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of a bundle.

    Attributes:
        problems: everything that is wrong with it; empty when it is whole.
        known: the name of the known key that signed it; empty when it was compared with none.
        notes: what was not looked at, and why.
    """

    manifest: Manifest | None = None
    fingerprint: str = ""
    known: str = ""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.problems


def check(bundle: Path, signers: Mapping[bytes, str] | None) -> Checked:
    """Check a bundle: that no file was changed, who signed it, the chain of its events, output, report.

    Args:
        signers: names of the keys that may have signed it, by public part; None to take any.

    Raises:
        UsageError: the file can't be read.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="runbook-evidence-") as name:
            return _check(bundle, Path(name), signers)
    except OSError as error:
        raise UsageError(f"{bundle} can't be read: {error.strerror}", hint="name a file of `audit export`") from error
    except BundleError as error:
        return Checked(problems=(error.message,))


def read_signers(path: Path) -> dict[bytes, str]:
    """Read keys from a .pub file, an authorized_keys or an allowed_signers file; give their names by public part.

    Raises:
        UsageError: there is none in it.
    """
    try:
        with open_plain(path) as file:
            lines = file.read(_LARGEST_KEYS).decode(errors="replace").splitlines()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", hint="name a file with a public key") from error
    found: dict[bytes, str] = {}
    for line in lines:
        words = line.split()
        for place in range(len(words) - 1):
            try:
                blob = key_blob(" ".join(words[place : place + 2]))
            except (SignatureError, binascii.Error):
                continue  # a word before the key: a name, or options
            found[blob] = words[0] if place else " ".join(words[2:]) or fingerprint(blob)
            break
    if not found:
        raise UsageError(f"{path} has no public key", hint="a line of a .pub file looks like `ssh-ed25519 AAAA… name`")
    return found


def _check(bundle: Path, folder: Path, signers: Mapping[bytes, str] | None) -> Checked:
    found = unpack(bundle, folder)
    sums = check_sums(folder, found)
    problems, notes = [], []
    public, known = b"", ""
    try:
        public = verify((folder / SIGNATURE).read_text(errors="replace"), sums, EVIDENCE)
    except SignatureError as error:
        problems.append(f"the signature: {error}")
    if public and signers is not None:
        known = signers.get(public, "")
        if not known:
            problems.append(f"it was signed by {fingerprint(public)}, none of the keys that may have signed it")
    elif public:
        notes.append("whose the key is was not looked at: compare its fingerprint, or name the key by --signer")
    manifest = _manifest(folder)
    rows, more = _rows(folder / EVENTS, manifest)
    problems += more
    facts = [
        OutputFact(one.task, one.number, one.stream, one.sha256, found.get(one.name, "")) for one in manifest.outputs
    ]
    damages = verify_alone(manifest.run, rows, facts)
    problems += [f"event {one.seq}: {one.problem}" if one.seq else one.problem for one in damages[:_MOST_TOLD]]
    if not problems:
        problems += _contradictions(folder, found, manifest, rows, notes)
    return Checked(manifest, fingerprint(public) if public else "", known, tuple(problems), tuple(notes))


def _manifest(folder: Path) -> Manifest:
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes(), strict=True)
    except (ValidationError, FileNotFoundError) as error:
        raise BundleError(f"{MANIFEST} is not one of a bundle that this version knows") from error


def _rows(path: Path, manifest: Manifest) -> tuple[list[EventRow], list[str]]:
    """Read the events; each hash follows from the text and the hash before it, so that the last one proves them all."""
    rows: list[EventRow] = []
    previous = genesis(manifest.run)
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            while line := file.readline(_LONGEST_LINE):
                rows.append(row_of(line.removesuffix("\n"), previous))
                previous = rows[-1].hash
    except FileNotFoundError as error:
        raise BundleError(f"the bundle has no {EVENTS}") from error
    except UnicodeError:
        return rows, [f"{EVENTS}, line {len(rows) + 1}: not UTF-8"]
    except JournalError as error:
        return rows, [f"{EVENTS}, line {len(rows) + 1}: {error.message}"]
    if len(rows) != manifest.events or previous != manifest.head:
        return rows, [
            f"the chain ends with event {len(rows)}, {previous}; {MANIFEST} says {manifest.events}, {manifest.head}"
        ]
    strange = next((row.run for row in rows if row.run != manifest.run), None)
    return rows, [f"it holds events of run {strange}"] if strange is not None else []


def _contradictions(
    folder: Path, found: Mapping[str, str], manifest: Manifest, rows: list[EventRow], notes: list[str]
) -> Iterator[str]:
    """Compare what people read with the events that it is made from."""
    for one in manifest.inputs:
        if one.kept and found.get(one.kept) != one.sha256:
            yield f"{one.kept} is not the file that the run was planned from"
    stray = {name for name in found if name.startswith(("outputs/", "inputs/"))}
    stray -= {one.name for one in manifest.outputs} | {one.kept for one in manifest.inputs}
    yield from (f"{name} belongs to no event" for name in sorted(stray))
    events = list(read_rows(rows, follows=None))
    yield from _other_inputs(manifest, events)
    yield from _other_run(manifest, events)
    if manifest.engine_version != version():
        notes.append(
            f"report and {CONTROLS} were made by version {manifest.engine_version}, and not made again for comparison"
        )
        return
    if _json(folder / CONTROLS) != [one.model_dump(mode="json") for one in controls(events, manifest.status)]:
        yield f"{CONTROLS} tells something else than the events"
    try:
        told = RunReport.model_validate_json((folder / REPORT).read_bytes())
    except (ValidationError, FileNotFoundError):
        yield f"{REPORT} is no report"
        return
    made = build_report(events, outputs=_reader(folder, manifest), verified=True)
    if told != made:
        yield f"{REPORT} tells something else than the events"
    for form in ("html", "md"):
        if found.get(f"report.{form}") != hashlib.sha256(render_report(made, form).encode()).hexdigest():
            yield f"report.{form} tells something else than the events"


def _other_inputs(manifest: Manifest, events: list[StoredEvent]) -> Iterator[str]:
    recorded: dict[str, set[str]] = {}
    for stored in events:
        for name, digest in getattr(stored.event, "files", {}).items():
            recorded.setdefault(name, set()).add(digest)
    for one in manifest.inputs:
        if one.sha256 not in recorded.get(one.name, set()):
            yield f"{MANIFEST} names {one.name} with a hash that no event has"


def _other_run(manifest: Manifest, events: list[StoredEvent]) -> Iterator[str]:
    """Compare what the manifest says of the run with its events."""
    opened, status, closed_at = events[0].event, "open", None
    for stored in events:
        if isinstance(stored.event, RunClosed):
            status, closed_at = stored.event.status, stored.time
        elif isinstance(stored.event, LeaseTaken):
            status, closed_at = "open", None
    if not isinstance(opened, RunOpened):
        yield "the first event is not run.opened"
        return
    true = {
        "runbook": opened.runbook,
        "title": opened.title,
        "mode": opened.mode.value,
        "status": status,
        "opened_at": events[0].time,
        "closed_at": closed_at,
        "genesis": genesis(manifest.run),
    }
    for name, value in true.items():
        if getattr(manifest, name) != value:
            yield f"{MANIFEST} says {name} {getattr(manifest, name)}, the events {value}"


def _json(path: Path) -> object:
    """Read a JSON file; None when it is none."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, OSError, RecursionError):
        return None


def _reader(folder: Path, manifest: Manifest) -> Callable[[str, int], Mapping[str, bytes]]:
    places: dict[tuple[str, int], dict[str, str]] = {}
    for one in manifest.outputs:
        places.setdefault((one.task, one.number), {})[one.stream] = one.name

    def read(task: str, number: int) -> Mapping[str, bytes]:
        return {stream: (folder / name).read_bytes() for stream, name in places.get((task, number), {}).items()}

    return read
