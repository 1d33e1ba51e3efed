"""What an evidence bundle says of itself: the run, what is in it, and which controls it speaks of."""

from datetime import datetime
from typing import Literal

from runbook_engine.model.base import Frozen
from runbook_engine.model.event import Actor

FORMAT: Literal["runbook-evidence/1"] = "runbook-evidence/1"
MANIFEST, EVENTS, REPORT = "manifest.json", "events.jsonl", "report.json"
SUMS, SIGNATURE, SIGNER, SIGNERS, GUIDE = "SHA256SUMS", "SHA256SUMS.sig", "signer.pub", "allowed_signers", "README.txt"
CONTROLS = "controls.json"


class InputFile(Frozen):
    """A file that the run was planned from.

    Attributes:
        kept: its place in the bundle; empty when it is named by its hash only, and `why` says why.
    """

    name: str
    sha256: str
    kept: str = ""
    why: str = ""


class OutputFile(Frozen):
    """Captured output of an attempt, which the event `seq` recorded the digest of."""

    name: str
    task: str
    number: int
    stream: str
    seq: int
    sha256: str


class Manifest(Frozen):
    """What is in a bundle.

    Attributes:
        status: of the run when it was exported; `open` for one that is not over.
        genesis: what stands in place of a previous hash before the first event.
        head: hash of the last of the `events`.
        exported_by: who made the bundle.
    """

    format: Literal["runbook-evidence/1"] = FORMAT
    run: str
    runbook: str
    title: str = ""
    mode: str
    status: str
    opened_at: datetime
    closed_at: datetime | None = None
    exported_at: datetime
    exported_by: Actor
    engine_version: str
    events: int
    genesis: str
    head: str
    signer: str
    inputs: tuple[InputFile, ...] = ()
    outputs: tuple[OutputFile, ...] = ()


class Control(Frozen):
    """What a run shows of a control of the policy: numbers of the events (`seq`) that a reader wants to see.

    Attributes:
        approvals: who decided; `verifications`: what was proven afterwards; `messages`: who was told.
        deviations: where people left the runbook's path.
    """

    control: str
    runbook: str
    run: str
    mode: str
    status: str
    report: str = "report.html"
    approvals: tuple[int, ...] = ()
    verifications: tuple[int, ...] = ()
    messages: tuple[int, ...] = ()
    deviations: tuple[int, ...] = ()
