"""runbook audit: the journal as text, and the proof that nobody changed it."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from runbook_engine.app.audit import Verification, read_log, record_id
from runbook_engine.app.audit import verify as verify_journal
from runbook_engine.app.find_run import find_record, find_run
from runbook_engine.app.project import actor, check_person, open_project
from runbook_engine.cli.documented import DocumentedGroup
from runbook_engine.cli.listeners import event_line
from runbook_engine.cli.options import DurationType, NamedPath, output_option, person_option, run_argument
from runbook_engine.cli.output_file import is_standard, print_bytes
from runbook_engine.cli.signing import asker
from runbook_engine.cli.terminal import can_ask, result, result_json, say
from runbook_engine.model.errors import ExitCode, NoJournalError, UsageError
from runbook_engine.reporting.inert import one_line

if TYPE_CHECKING:
    from runbook_engine.app.anchor_places import AnchorPlace


@click.group(cls=DocumentedGroup)
def audit() -> None:
    """Read the journal, and prove that nobody changed it.

    Examples:
      runbook audit log last
      runbook audit verify
      runbook audit export last -o evidence.tar.gz
    """


@audit.command()
@run_argument()
@output_option("text", "json", "ndjson")
def log(run: str, output: str) -> None:
    """List everything that happened to a run, in order; `monitor` in place of a run: to the monitor's newest record.

    Examples:
      runbook audit log last
      runbook audit log monitor
      runbook audit log 20261123-1015 --output ndjson | jq .event.kind
    """
    from runbook_engine.reporting.audit_log import audit_lines

    journal = open_project().journal()
    try:
        events = read_log(journal, find_record(journal, run).id)
        if output == "json":
            result_json([stored.as_json() for stored in events])
            return
        lines = map(event_line, events) if output == "ndjson" else audit_lines(events)
        for line in lines:
            result(line)
    finally:
        journal.close()


_ANCHOR_REGION = click.option(
    "--region",
    envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
    metavar="NAME",
    help="Region of an anchor's bucket.",
)


@audit.command()
@run_argument(required=False)
@click.option(
    "--anchor", "anchored", metavar="FILE|s3://BUCKET/PREFIX", help="Compare with what `audit anchor` wrote there."
)
@_ANCHOR_REGION
@output_option("text", "json")
def verify(run: str | None, anchored: str | None, region: str | None, output: str) -> int:
    """Check that no event was changed, removed, inserted or reordered.

    Without RUN the whole journal is checked. With an anchor it is also seen when events were cut off the end, or the
    chain was computed anew. Ends with 6, and names the event, when something is wrong.

    Examples:
      runbook audit verify
      runbook audit verify last --output json
      runbook audit verify --anchor s3://evidence-locked/anchors
    """
    project = open_project()
    place = None
    if anchored is not None:
        from runbook_engine.app.anchor_places import anchor_place

        place = anchor_place(anchored, region=region)
    try:
        journal = project.journal()
    except NoJournalError as error:
        return _nothing_there(run, place, output, error)
    try:
        only = record_id(journal, run) if run is not None else None
        found = verify_journal(journal, only)
        if place is not None:
            from runbook_engine.app.anchor import against_anchors

            found = against_anchors(journal, found, place, run=only)
    finally:
        journal.close()
    return _told(found, place, output)


def _told(found: Verification, place: "AnchorPlace | None", output: str) -> int:
    """Tell what a check found, and give the exit code for it."""
    if output == "json":
        result_json({"intact": found.intact, **found.model_dump(mode="json")})
    elif found.intact:
        anchors = "" if place is None else f", as it was anchored {found.anchors} times at {place.address}"
        head = f", head {found.head}" if found.head else ""
        result(f"intact: {found.runs} runs, {found.events} events{head}{anchors}")
    else:
        result("\n".join(_damage_line(damage) for damage in found.damages))
    for one in found.pruned if output == "text" else ():
        why = f" ({one.reason})" if one.reason else ""
        result(f"note: {one.run} was pruned by {one.by} on {one.at:%Y-%m-%d}{why}: its {one.events} events are gone")
    return ExitCode.OK if found.intact else ExitCode.JOURNAL


@audit.command()
@run_argument()
@click.option(
    "-o",
    "--out",
    type=NamedPath(),
    metavar="FILE",
    help="The bundle, - for standard output; without it evidence-RUN.tar.gz, in this folder.",
)
@click.option(
    "--key",
    type=NamedPath(),
    metavar="FILE",
    help="Sign with the SSH key in FILE: a private key, or the public one of a key that the agent has. Without it the "
    "project's own key signs, .runbook/evidence_key, which is made when it is first needed.",
)
@person_option
@output_option("text", "json")
def export(run: str, out: Path | None, key: Path | None, person: str | None, output: str) -> None:
    """Put all that is known of a run into one signed file, for an auditor.

    The bundle has every event as it was hashed, captured output, the files that the run was planned from (inventories
    by their hash only), the report, an index of the policy's controls, the sums of all that, an SSH signature of the
    sums, and a text that says how to check it without this program. Values of secrets are in none of it.

    Examples:
      runbook audit export last -o evidence.tar.gz
      runbook audit export 20261123-1015 --key ~/.ssh/id_ed25519 --as dana
    """
    from runbook_engine.app.evidence import export as export_run
    from runbook_engine.app.evidence_key import evidence_key

    printed = out is not None and is_standard(out)
    if printed and output == "json":
        raise UsageError("the bundle and JSON can't both go to the standard output", hint="name a file for --out")
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        head = find_run(journal, run)
        chosen = evidence_key(project.root, project.team, key)
        speaker = actor(project.team, person)
        ask = asker() if can_ask() else None
        if printed:
            with TemporaryDirectory(prefix="runbook-evidence-") as folder:
                file = Path(folder, "evidence.tar.gz")
                done = export_run(project, journal, head, file, chosen, speaker, ask)
                print_bytes(file.read_bytes())
        else:
            done = export_run(project, journal, head, out or Path(f"evidence-{head.id}.tar.gz"), chosen, speaker, ask)
    finally:
        journal.close()
    if output == "json":
        result_json({**asdict(done), "file": str(done.file)})
        return
    tell = say if printed else result
    tell(f"{'standard output' if printed else done.file}: {done.events} events of run {done.run}, head {done.head}")
    tell(f"sha256 {done.sha256}")
    say(f"signed by {done.signer}, {done.fingerprint}; give that fingerprint to who checks it, by another way")


@audit.command()
@click.argument("bundle", type=NamedPath())
@click.option(
    "--signer",
    type=NamedPath(),
    metavar="FILE",
    help="Keys that may have signed it: a .pub file, an authorized_keys or an allowed_signers file.",
)
@click.option(
    "--strict", is_flag=True, help="What was not looked at counts as wrong: another version's report, the signer."
)
@output_option("text", "json")
def check(bundle: Path, signer: Path | None, strict: bool, output: str) -> int:
    """Check an evidence bundle; needs no project, no journal and no network.

    No file was changed since it was signed, the signature fits (and is by one of the keys of --signer), the events are
    a whole chain, signed answers and captured output fit, and manifest, index and report tell what the events tell.
    Ends with 6 when something is wrong, and names it.

    Examples:
      runbook audit check evidence.tar.gz --signer dana.pub
      runbook audit check evidence.tar.gz --output json
    """
    from runbook_engine.app.evidence_check import check as check_bundle
    from runbook_engine.app.evidence_check import read_signers

    found = check_bundle(bundle, read_signers(signer) if signer is not None else None)
    manifest = found.manifest
    if output == "json":
        told = manifest.model_dump(mode="json", exclude={"inputs", "outputs"}) if manifest else {}
        more = {"fingerprint": found.fingerprint, "known": found.known, "problems": found.problems}
        result_json({"intact": found.whole, **told, **more, "notes": found.notes})
    elif manifest is not None and found.whole:
        result(f"intact: run {manifest.run} of {manifest.runbook} ({manifest.mode}, {manifest.status})")
        result(f"{manifest.events} events, head {manifest.head}")
        result(f"signed by {found.fingerprint}" + (f", {one_line(found.known)}" if found.known else ""))
    else:
        result("\n".join(f"damaged: {one_line(problem)}" for problem in found.problems))
    for note in found.notes if output == "text" else ():
        say(f"note: {note}")
    return ExitCode.OK if found.whole and not (strict and found.notes) else ExitCode.JOURNAL


@audit.command()
@click.option("--to", required=True, metavar="FILE|s3://BUCKET/PREFIX", help="Where it is put.")
@click.option(
    "--retain",
    type=DurationType(),
    default="400d",
    show_default=True,
    metavar="TIME",
    help="How long S3 is to refuse changes (Object Lock, mode COMPLIANCE).",
)
@click.option("--dry-run", is_flag=True, help="Look whether the place would keep it, and write nothing.")
@_ANCHOR_REGION
@person_option
@output_option("text", "json")
def anchor(to: str, retain: timedelta, region: str | None, person: str | None, output: str, *, dry_run: bool) -> None:
    """Put the ends of the journal's chains where whoever writes the journal can't change them.

    Into a bucket with Object Lock, or onto the end of a file, best on another machine or medium. Only what grew since
    the last anchor there is written. A bucket without Object Lock is refused. `runbook audit verify --anchor` compares.

    Examples:
      runbook audit anchor --to s3://evidence-locked/anchors --retain 730d
      runbook audit anchor --to s3://evidence-locked/anchors --dry-run
      runbook audit anchor --to /mnt/worm/anchors.jsonl
    """
    from runbook_engine.app.anchor import put_anchor
    from runbook_engine.app.anchor_places import anchor_place

    place = anchor_place(to, region=region)
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        name = project.root.name
        made, where = put_anchor(
            journal, place, project.team, project=name, retain=retain, claimed=person, write=not dry_run
        )
        doubt = place.doubt() if dry_run else ""
    finally:
        journal.close()
    if output == "json":
        dry = {"dry_run": True, "doubt": doubt} if dry_run else {}
        result_json({"place": where, **dry, **made.model_dump(mode="json")})
        return
    what = "would anchor" if dry_run else "anchored"
    result(f"{what}: {len(made.heads)} of {made.runs} runs, in {where}")
    if doubt:
        result(f"not known: {doubt}")


def _nothing_there(run: str | None, place: "AnchorPlace | None", output: str, error: NoJournalError) -> int:
    """Tell that there is no journal: which is well before the first run, and damage where one was anchored."""
    if place is not None:
        from runbook_engine.app.anchor import journal_is_gone

        gone = journal_is_gone(place, run=None if run in {None, "last"} else run)
        if gone is not None:
            return _told(gone, place, output)
    if run is not None or place is not None:
        raise error
    if output == "json":
        return _told(Verification(runs=0, events=0), None, output)
    result(f"{error.message}: nothing to verify")
    return ExitCode.OK


def _damage_line(damage: dict[str, str | int]) -> str:
    where = f"event {damage['seq']} of {damage['run']}" if damage["seq"] else f"run {damage['run']}"
    if not damage["run"]:
        where = "the journal"
    return f"damaged: {where}: {damage['kind']}: {damage['problem']}"
