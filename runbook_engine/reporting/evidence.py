"""The parts of an evidence bundle that are written for readers: the index of controls, and how to check it by hand."""

from collections.abc import Iterable

from runbook_engine.model.counted import CountedAnswers
from runbook_engine.model.event import (
    AttemptFinished,
    GateApproved,
    HoldResolved,
    LeaseTaken,
    MessageSent,
    PlanAccepted,
    RecheckSkipped,
    RunAbortRequested,
    RunOpened,
    StoredEvent,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.evidence import EVENTS, SIGNATURE, SIGNERS, SUMS, Control, Manifest
from runbook_engine.model.names import step_of

_LEFT_THE_PATH = TaskSkipped | HoldResolved | TaskResolved | PlanAccepted | RecheckSkipped | RunAbortRequested


def controls(events: Iterable[StoredEvent], status: str) -> list[Control]:
    """Give, for each control that the runbook implements, where in the run to look.

    Args:
        status: the run's.
    """
    opened: RunOpened | None = None
    run = ""
    kinds: dict[str, str] = {}
    found: dict[str, list[int]] = {"approvals": [], "verifications": [], "messages": [], "deviations": []}
    answers = CountedAnswers()
    for stored in map(answers.counted, events):
        event = stored.event
        if isinstance(event, RunOpened | PlanAccepted):
            kinds |= {step.id: step.kind for step in event.steps}
        if isinstance(event, RunOpened):
            opened, run = event, stored.run
        elif isinstance(event, GateApproved):
            found["approvals"].append(stored.seq)
        elif isinstance(event, MessageSent):
            found["messages"].append(stored.seq)
        elif isinstance(event, AttemptFinished):
            if name := _shows(event, kinds.get(step_of(event.task), "")):
                found[name].append(stored.seq)
        elif isinstance(event, _LEFT_THE_PATH) or (isinstance(event, LeaseTaken) and event.took_over):
            found["deviations"].append(stored.seq)
    if opened is None:
        return []
    return [
        Control(
            control=control,
            runbook=opened.runbook,
            run=run,
            mode=opened.mode.value,
            status=status,
            **{name: tuple(numbers) for name, numbers in found.items()},
        )
        for control in opened.policy
    ]


def guide(manifest: Manifest, root: str) -> str:
    """Say how the bundle is checked: by the program, and with nothing but coreutils and OpenSSH."""
    return f"""\
Evidence of run {manifest.run} of runbook {manifest.runbook}
{"=" * (len(manifest.run) + len(manifest.runbook) + 28)}

With the program (any machine, no project, no network):

    runbook audit check {root}.tar.gz --signer KEY.pub

By hand, in the unpacked folder:

1. No file was changed since the bundle was signed:

    sha256sum --check --strict {SUMS}

2. Who signed it. The key must be one that you have from elsewhere: the one beside this text proves nothing by itself.

    ssh-keygen -l -f signer.pub
    ssh-keygen -Y verify -f {SIGNERS} -I {manifest.signer} -n runbook-evidence -s {SIGNATURE} < {SUMS}

3. The events are a chain: each hash covers the one before it and the event's own text, a line of {EVENTS}. The last
   one must be {manifest.head},
   which reports of the run, mails and anchors made at that time name, too.

    hash=$(printf %s '{manifest.run}' | sha256sum | cut -d' ' -f1)
    while IFS= read -r line; do
      hash=$(printf '%s%s' "$hash" "$line" | sha256sum | cut -d' ' -f1)
    done < {EVENTS}
    echo "$hash"

4. Captured output has the digest that its attempt.finished event (`output_digest`) names; manifest.json says which
   file belongs to which event.

What it can't show: that what was written down is what happened. Values of secrets were taken out before anything was
written; files that may hold secrets (inventories) are named by their hash and are not in the bundle.
"""


def _shows(event: AttemptFinished, kind: str) -> str:
    """Say what an attempt that ended well is evidence of; empty for none of it."""
    if not event.outcome.ended_well:
        return ""
    return {"verification": "verifications", "message": "messages"}.get(kind, "")
