"""The use case `audit anchor`: put the ends of the journal's chains where whoever writes the journal can't change them.

A chain shows changes to those who know where it ended: somebody who may write the journal could compute it anew, or cut
its end off. Held against an anchor from elsewhere, both are seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runbook_engine.app.anchor_places import AnchorPlace
from runbook_engine.app.audit import Verification, all_records
from runbook_engine.app.project import actor
from runbook_engine.model.anchor import Anchor, AnchoredHead
from runbook_engine.model.errors import JournalError, UsageError
from runbook_engine.model.team import Team
from runbook_engine.ports.journal import Journal


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What the journal says otherwise than an anchor: of a run, or (`run` empty) of the journal as a whole."""

    run: str
    problem: str


def put_anchor(
    journal: Journal,
    place: AnchorPlace,
    team: Team,
    *,
    project: str,
    retain: timedelta,
    claimed: str | None = None,
    write: bool = True,
) -> tuple[Anchor, str]:
    """Write an anchor of all runs that grew since the last one at the same place; give it, and where it is now.

    Args:
        project: how the project is called.
        retain: how long the place is to refuse changes, where it can.
        claimed: who speaks, by `--as`.
        write: False makes it, and looks at the journal and the place as it would, and writes nothing.

    Raises:
        JournalError: the journal is damaged, or contradicts what is anchored there already: nothing was written.
        RunbookError: the place can't be read or written.
    """
    if damages := journal.verify():
        first = damages[0]
        where = f"run {first.run}" if first.run else "the journal"
        raise JournalError(
            f"the journal is damaged, and is not anchored: {where}: {first.problem}",
            hint="`runbook audit verify` names all that was changed",
        )
    place.doubt()  # a place that would not keep it gets none
    before = place.anchors()
    if wrong := contradictions(journal, before):
        raise JournalError(
            f"the journal is not the one that was anchored: {wrong[0].run}: {wrong[0].problem}",
            hint=f"`runbook audit verify --anchor {place.address}` names all",
        )
    known = anchored_heads(before)
    runs = all_records(journal)
    heads = {
        run.id: AnchoredHead(run.events, run.head_hash)
        for run in runs
        if not run.pruned and known.get(run.id) != AnchoredHead(run.events, run.head_hash)
    }
    made = Anchor(
        at=datetime.now(UTC),
        by=actor(team, claimed),
        project=project,
        runs=max((run.number for run in runs), default=0),
        heads=heads,
    )
    return made, place.put(made, retain) if write else place.address


def against_anchors(
    journal: Journal, found: Verification, place: AnchorPlace, *, run: str | None = None
) -> Verification:
    """Add to what a check of the chain found what the anchors of a place contradict.

    Args:
        run: the only run that is looked at; None for all.

    Raises:
        RunbookError: there are no anchors, or they can't be read.
    """
    anchors = place.anchors()
    if not anchors:
        raise UsageError(f"there is no anchor at {place.address}", hint=f"`runbook audit anchor --to {place.address}`")
    try:
        against = contradictions(journal, anchors)
    except JournalError as error:
        if found.intact:
            raise
        against = [Contradiction("", f"can't be compared with its anchors ({error.message})")]
    damages = [
        {"run": one.run, "seq": 0, "kind": "anchor", "problem": one.problem}
        for one in against
        if run is None or one.run in {"", run}
    ]
    return found.model_copy(update={"anchors": len(anchors), "damages": (*found.damages, *damages)})


def journal_is_gone(place: AnchorPlace, *, run: str | None = None) -> Verification | None:
    """Say what the anchors of a place prove of a journal that is not there; None when there is no anchor either.

    Args:
        run: the only run that is looked at; None for all.

    Raises:
        RunbookError: they can't be read.
    """
    anchors = place.anchors()
    if not anchors:
        return None
    most = max(anchor.runs for anchor in anchors)
    gone = [("", f"{most} runs were opened when it was anchored, and it is not there any more")]
    gone += [(name, "was anchored, and is not there any more") for name in anchored_heads(anchors)]
    damages: list[dict[str, str | int]] = [
        {"run": name, "seq": 0, "kind": "anchor", "problem": why}
        for name, why in gone
        if not name or run in {None, name}
    ]
    return Verification(runs=0, events=0, anchors=len(anchors), damages=tuple(damages))


def anchored_heads(anchors: Iterable[Anchor]) -> Mapping[str, AnchoredHead]:
    """Give the furthest that each run was anchored with."""
    heads: dict[str, AnchoredHead] = {}
    for anchor in anchors:
        for run, head in anchor.heads.items():
            if run not in heads or head.events >= heads[run].events:
                heads[run] = head
    return heads


def contradictions(journal: Journal, anchors: Iterable[Anchor]) -> list[Contradiction]:
    """Find where a journal is not what it was when it was anchored; what came since is no contradiction.

    Runs that were pruned can't be compared any more; the record of that is what `audit verify` looks at.
    """
    anchors = list(anchors)
    found: list[Contradiction] = []
    runs = {run.id: run for run in all_records(journal)}
    most = max((anchor.runs for anchor in anchors), default=0)
    if most > max((run.number for run in runs.values()), default=0):
        found.append(Contradiction("", f"{most} runs were opened when it was anchored; it has {len(runs)}"))
    for anchor in anchors:
        for name, head in anchor.heads.items():
            run = runs.get(name)
            if run is None:
                found.append(Contradiction(name, "was anchored, and is not there any more"))
            elif not run.pruned and (problem := _problem(journal, name, run.events, head)):
                found.append(Contradiction(name, problem))
    return list(dict.fromkeys(found))


def _problem(journal: Journal, run: str, events: int, head: AnchoredHead) -> str:
    if events < head.events:
        return f"had {head.events} events when it was anchored, and has {events}: its end was cut off"
    stored = next(iter(journal.read(run, after=head.events - 1)), None)
    if stored is None or stored.hash != head.hash:
        return f"its event {head.events} is not the one that was anchored: it was written anew"
    return ""
