"""A look at readiness as text for people, and as one JSON object for programs."""

from collections.abc import Iterator, Sequence

from runbook_engine.app.readiness import Readiness
from runbook_engine.app.readiness_history import Look
from runbook_engine.model.event import ReadinessTold
from runbook_engine.model.readiness import Level, ReadinessFinding, Verdict
from runbook_engine.reporting import words
from runbook_engine.reporting.inert import one_line

_HEADS = {Level.MISSING: "missing:", Level.UNKNOWN: "could not be asked, so it may be missing:", Level.NOTE: "noted:"}


def readiness_text(look: Readiness) -> str:
    """Say whether it is ready, what is missing, what nobody could tell, and what that changed."""
    return "\n".join(_lines(look))


def told_line(told: ReadinessTold) -> str:
    """Say what became of telling people over a channel."""
    if not told.message:
        return f"{told.channel}: nothing that people were not told of before; nothing is sent"
    if told.told:
        return f"{told.channel}: told ({told.message})"
    again = "the next look with --notify tells it, if it is so still"
    return f"{told.channel}: NOT TOLD: {one_line(told.error, limit=600)}; {again}"


def readiness_json(look: Readiness, told: Sequence[ReadinessTold] = ()) -> dict[str, object]:
    """Give all of it; findings are marked with `new` as those that the look before did not have."""
    report, assessed = look.report, look.assessed
    since = look.before
    return {
        "run": report.run,
        "runbook": report.runbook,
        "inventory": report.inventory,
        "at": look.at.isoformat(),
        "verdict": assessed.verdict.value,
        "ready": assessed.verdict is Verdict.READY,
        "findings": [{**one.model_dump(mode="json"), "new": one.what in assessed.new} for one in assessed.findings],
        "looked_at": assessed.looked_at,
        "dry_run": {
            "status": report.status,
            "proof": {**report.proof.model_dump(mode="json"), "percent": report.proof.percent}
            if report.proof
            else None,
        },
        "since": {"run": since.run, "at": since.at.isoformat(), "verdict": since.assessed.verdict.value}
        if since
        else None,
        "changed": bool(assessed.new or assessed.mended),
        "new": list(assessed.new),
        "mended": list(assessed.mended),
        "told": [one.model_dump(mode="json", include={"channel", "message", "told", "error"}) for one in told],
    }


def history_row(look: Look) -> tuple[str, ...]:
    """Give an earlier look as a row of a table."""
    assessed = look.assessed
    missing = sum(one.level is Level.MISSING for one in assessed.findings)
    counts = [str(number) if number else "-" for number in (missing, len(assessed.new), len(assessed.mended))]
    when = f"{look.at:%Y-%m-%d %H:%M}"
    return (when, look.opened.inventory, look.opened.limit or "-", assessed.verdict.value, *counts, look.run)


def history_json(look: Look) -> dict[str, object]:
    """Give an earlier look as one JSON object."""
    assessed = look.assessed
    return {
        "run": look.run,
        "at": look.at.isoformat(),
        "inventory": look.opened.inventory,
        "limit": look.opened.limit,
        "verdict": assessed.verdict.value,
        "missing": [one.what for one in assessed.findings if one.level is Level.MISSING],
        "unknown": [one.what for one in assessed.findings if one.level is Level.UNKNOWN],
        "new": list(assessed.new),
        "mended": list(assessed.mended),
    }


def _lines(look: Readiness) -> Iterator[str]:
    report, assessed = look.report, look.assessed
    counts = {level: sum(one.level is level for one in assessed.findings) for level in Level}
    missing, unknown = counts[Level.MISSING], counts[Level.UNKNOWN]
    told = [f"{missing} missing"] if missing else []
    told += [f"{unknown} could not be asked"] if unknown else []
    verdict = ", ".join([words.READINESS[assessed.verdict], *told])
    yield f"{one_line(report.runbook)} on {one_line(report.inventory)}: {verdict}"
    yield f"run {one_line(report.run)} · {' · '.join(_looked(look))}"
    for level in Level:
        some = [one for one in assessed.findings if one.level is level]
        if some:
            yield ""
            yield _HEADS[level]
            for one in some:
                yield from _finding(one, is_new=one.what in assessed.new)
    yield ""
    yield from _changes(look)


def _looked(look: Readiness) -> Iterator[str]:
    if look.report.proof is not None:
        yield words.proof(look.report.proof)
    looked_at = look.assessed.looked_at
    if "hosts" in looked_at:
        yield f"{looked_at['hosts']} hosts reached"
    if looked_at.get("permissions"):
        yield f"{looked_at['permissions']} permissions granted"
    if looked_at.get("quotas"):
        yield f"room in {looked_at['quotas']} quotas"


def _finding(one: ReadinessFinding, *, is_new: bool) -> Iterator[str]:
    yield f"  {'NEW ' if is_new else ''}{one.area.value}: {one_line(one.text, limit=600)}"
    if one.hint:
        yield f"    help: {one_line(one.hint, limit=400)}"


def _changes(look: Readiness) -> Iterator[str]:
    if look.before is None:
        yield "nothing to compare with: this is the first look that the journal has"
        return
    since = f"since {words.moment(look.before.at)}"
    if not look.assessed.new and not look.assessed.mended:
        yield f"nothing changed {since}"
    for name, some in (("new", look.assessed.new), ("mended", look.assessed.mended)):
        if some:
            yield f"{name} {since}:"
            yield from (f"  {one_line(what, limit=400)}" for what in some)
