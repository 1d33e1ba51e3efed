"""Where a run stands, by plain SQL that every database of ours understands, whoever holds the connection."""

from collections.abc import Callable, Sequence

from runbook_engine.journals.chain import EventRow, read_row
from runbook_engine.journals.rows import ATTEMPT_KINDS, GATE_KINDS, WELL, event_row, task_rows, without
from runbook_engine.ports.journal import Tally

Ask = Callable[[str, Sequence[str]], Sequence[Sequence[object]]]
_COLUMNS = ", ".join(f"events.{name}" for name in EventRow._fields)


def tally(ask: Ask, run: str, *, mark: str) -> Tally:
    """Tell where a run stands; see `Glance.tally`.

    Args:
        ask: runs a query with its values; all in one transaction.
        mark: what stands for a value in a query, `?` or `%s`.

    Raises:
        JournalError: an event is damaged.
    """
    well, bulk = _marks(WELL, mark), _marks(ATTEMPT_KINDS, mark)
    counted = ask(
        f"SELECT step, outcome, count(*) FROM tasks WHERE run = {mark} AND outcome IN ({well}) GROUP BY step, outcome",  # noqa: S608 - marks only
        (run, *WELL),
    )
    rows = ask(
        f"SELECT {_COLUMNS} FROM events WHERE events.run = {mark} AND events.kind NOT IN ({bulk}) "  # noqa: S608 - our own names, and marks
        f"UNION ALL SELECT {_COLUMNS} FROM tasks JOIN events ON events.run = tasks.run AND events.seq = tasks.seq "
        f"WHERE tasks.run = {mark} AND tasks.kind IN ({bulk}) AND tasks.outcome NOT IN ({well}) ORDER BY 2",
        (run, *ATTEMPT_KINDS, run, *ATTEMPT_KINDS, *WELL),
    )
    events = [read_row(event_row(row), follows=None) for row in rows]
    if gates := sorted({row.task for row in task_rows(events).values() if row.kind in GATE_KINDS}):
        ended = ask(
            f"SELECT task FROM tasks WHERE run = {mark} AND outcome IN ({well}) AND task IN ({_marks(gates, mark)})",  # noqa: S608 - marks only
            (run, *WELL, *gates),
        )
        events = without(events, {str(task) for (task,) in ended})
    return Tally(
        events=events,
        well={(str(step), str(outcome)): int(str(count)) for step, outcome, count in counted},
    )


def _marks(values: Sequence[str], mark: str) -> str:
    return ", ".join([mark] * len(values))
