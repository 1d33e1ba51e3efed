"""The use case `audit export`: everything that the journal knows of a run, in one signed file."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from runbook_engine import version
from runbook_engine.app.evidence_file import BundleWriter
from runbook_engine.app.evidence_key import EvidenceKey
from runbook_engine.app.project import OpenProject
from runbook_engine.app.report import render_report
from runbook_engine.app.whole_file import replacing
from runbook_engine.journals.chain import genesis
from runbook_engine.loading.limited_file import open_plain
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import Actor, AttemptFinished, PlanAccepted, RunOpened, StoredEvent
from runbook_engine.model.evidence import (
    CONTROLS,
    EVENTS,
    GUIDE,
    MANIFEST,
    REPORT,
    SIGNATURE,
    SIGNER,
    SIGNERS,
    SUMS,
    InputFile,
    Manifest,
    OutputFile,
)
from runbook_engine.model.ssh_signature import EVIDENCE, key_line
from runbook_engine.ports.journal import Journal, RunHead
from runbook_engine.reporting.build import build_report
from runbook_engine.reporting.evidence import controls, guide

_LARGEST_INPUT = 4 << 20
_HOLDS_SECRETS = "inventories may hold secrets"
_NOT_FOR_ALL = "a step reads it, and what it copies may not be for everybody"


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle that was written: its SHA-256, and whose key signed it."""

    file: Path
    sha256: str
    run: str
    events: int
    head: str
    signer: str
    fingerprint: str


def export(
    project: OpenProject,
    journal: Journal,
    head: RunHead,
    out: Path,
    key: EvidenceKey,
    speaker: Actor,
    ask: Callable[[str], str] | None = None,
) -> Exported:
    """Write the bundle; a file that is there is replaced whole or not at all.

    Args:
        ask: asks for the key's passphrase; None when nobody is there.

    Raises:
        JournalError: the run's record is damaged: a bundle would make it look whole.
        UsageError: the file can't be written.
        RunbookError: the key can't sign.
    """
    if damages := journal.verify(head.id):
        raise JournalError(
            f"the record of run {head.id} is damaged, and is not made into evidence: {damages[0].problem}",
            hint=f"`runbook audit verify {head.id}` names all that was changed; keep the journal as it is",
        )
    root = f"evidence-{head.id}"
    with replacing(out) as file:
        bundle = BundleWriter(file, root, head.closed_at or head.opened_at)
        manifest = _fill(project, journal, head, bundle, key, speaker, root)
        sums = bundle.sums()
        bundle.add(SUMS, sums)
        bundle.add(SIGNATURE, key.sign(sums, ask).encode())
        bundle.close()
        file.flush()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Exported(out, digest, head.id, manifest.events, manifest.head, key.name, key.fingerprint)


def _fill(
    project: OpenProject,
    journal: Journal,
    head: RunHead,
    bundle: BundleWriter,
    key: EvidenceKey,
    speaker: Actor,
    root: str,
) -> Manifest:
    """Put everything but the sums and their signature into the bundle."""
    # A run that is not over grows meanwhile: all parts speak of the same events.
    with bundle.streamed(EVENTS) as write:
        for number, text in enumerate(journal.sealed(head.id), 1):
            write(f"{text}\n".encode())
            if number == head.events:
                break
    opened, files, steps_read, captured, last = _facts(journal, head)
    manifest = Manifest(
        run=head.id,
        runbook=head.runbook,
        title=opened.title if opened else "",
        mode=head.mode,
        status=head.status,
        opened_at=head.opened_at,
        closed_at=head.closed_at,
        exported_at=datetime.now(UTC),
        exported_by=speaker,
        engine_version=version(),
        events=head.events,
        genesis=genesis(head.id),
        head=last,
        signer=key.name,
        inputs=tuple(_inputs(project.root, opened, files, steps_read, bundle)),
        outputs=tuple(captured),
    )
    for one in manifest.outputs:
        bundle.add(one.name, journal.output(head.id, one.task, one.number)[one.stream])
    report = build_report(
        _events(journal, head), outputs=lambda task, number: journal.output(head.id, task, number), verified=True
    )
    for form in ("html", "md", "json"):
        bundle.add(REPORT if form == "json" else f"report.{form}", render_report(report, form).encode())
    shown = [one.model_dump(mode="json") for one in controls(_events(journal, head), head.status)]
    bundle.add(CONTROLS, json.dumps(shown, indent=2).encode() + b"\n")
    line = key_line(key.public)
    bundle.add(SIGNER, f"{line} {key.name}\n".encode())
    bundle.add(SIGNERS, f'{key.name} namespaces="{EVIDENCE}" {line}\n'.encode())
    bundle.add(GUIDE, guide(manifest, root).encode())
    bundle.add(MANIFEST, manifest.model_dump_json(indent=2).encode() + b"\n")
    return manifest


def _facts(journal: Journal, head: RunHead) -> tuple[RunOpened | None, dict[str, str], set[str], list[OutputFile], str]:
    """Give the opening, the hashes of files, those that only steps read, the captured output, and the last hash."""
    opened, files, steps_read, captured, last = None, dict[str, str](), set[str](), [], ""
    for stored in _events(journal, head):
        event, last = stored.event, stored.hash
        if isinstance(event, RunOpened):
            opened, files = event, dict(event.files)
            steps_read |= set(event.step_files)
        elif isinstance(event, PlanAccepted):
            files |= event.files
            steps_read |= set(event.step_files)
        elif isinstance(event, AttemptFinished):
            captured += [
                OutputFile(
                    name=f"outputs/{stored.seq:06d}.{stream}",
                    task=event.task,
                    number=event.number,
                    stream=stream,
                    seq=stored.seq,
                    sha256=digest,
                )
                for stream, digest in sorted(event.output_digest.items())
            ]
    return opened, files, steps_read, captured, last


def _inputs(
    root: Path, opened: RunOpened | None, files: dict[str, str], steps_read: set[str], bundle: BundleWriter
) -> Iterator[InputFile]:
    """Put the files that the run was planned from into the bundle, as far as they are still what they were."""
    sources = opened.inventory_sources if opened else ()
    for name, digest in sorted(files.items()):
        place = PurePosixPath(name)
        inventory = any(place == PurePosixPath(one) or PurePosixPath(one) in place.parents for one in sources)
        held = _HOLDS_SECRETS if inventory else _NOT_FOR_ALL if name in steps_read else ""
        data, why = (b"", held) if held else _content(root, place, digest)
        kept = "" if why else f"inputs/{place}"
        if kept:
            bundle.add(kept, data)
        yield InputFile(name=name, sha256=digest, kept=kept, why=why)


def _content(root: Path, place: PurePosixPath, digest: str) -> tuple[bytes, str]:
    """Give a file of the project, or say why not."""
    if place.is_absolute() or ".." in place.parts:
        return b"", "it lies outside the project"
    try:
        with open_plain(root / place) as file:
            data = file.read(_LARGEST_INPUT + 1)
    except OSError as error:
        return b"", f"it can't be read any more ({error.strerror})"
    if len(data) > _LARGEST_INPUT:
        return b"", "it is too large"
    return (data, "") if hashlib.sha256(data).hexdigest() == digest else (b"", "it was changed since")


def _events(journal: Journal, head: RunHead) -> Iterator[StoredEvent]:
    for stored in journal.read(head.id):
        yield stored
        if stored.seq == head.events:
            return
