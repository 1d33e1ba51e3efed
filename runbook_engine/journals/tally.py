"""Where a run stands, by plain SQL that every database of ours understands, whoever holds the connection."""

from collections.abc import Callable, Sequence

from runbook_engine.journals.chain import EventRow, event_row, read_row
from runbook_engine.journals.rows import ATTEMPT_KINDS, WELL, asked_tasks, without
from runbook_engine.model.errors import JournalError
from runbook_engine.ports.journal import Tally

Ask = Callable[[str, Sequence[str]], Sequence[Sequence[object]]]
_COLUMNS = ", ".join(f"events.{name}" for name in EventRow._fields)


def tally(ask: Ask, run: str, *, mark: str, few: int, by_target: bool) -> Tally:
    """Tell where a run stands; see `Glance.tally`.

    Args:
        ask: runs a query with its values; all in one transaction.
        mark: what stands for a value in a query, `?` or `%s`.

    Raises:
        JournalError: an event, or what is said of a task, is damaged.
    """
    query = _Queries(mark, few)
    of_small = (run,) if few else ()
    rows = ask(query.events, (run, *ATTEMPT_KINDS, run, *ATTEMPT_KINDS, *WELL, *of_small))
    events = [read_row(event_row(row), follows=None) for row in rows]
    if gates := sorted(asked_tasks(events)):
        found = ask(query.asked(gates), (*WELL, *of_small, run, *gates))
        well = {str(task) for task, _, counted in found if counted}
        events = without(events, well, {str(task): _seq(run, task, seq) for task, seq, _ in found})
    values = (run, *WELL, *of_small)
    by_step = _counted(ask(query.counted("step"), values))
    return Tally(events, by_step, _counted(ask(query.counted("target"), values)) if by_target else {})


class _Queries:
    """The questions; names in them are our own, and every value is a mark."""

    def __init__(self, mark: str, few: int) -> None:
        self._mark = mark
        self._well, bulk = self._marks(WELL), self._marks(ATTEMPT_KINDS)
        small = f"(SELECT step FROM tasks WHERE run = {mark} GROUP BY step HAVING count(*) <= {few:d})"  # noqa: S608 - see above
        # No step has no tasks, and finding that out would take a walk over all of them.
        self._or_small, self._not_small = (f"OR tasks.step IN {small}", f"AND step NOT IN {small}") if few else ("", "")
        self.events = (
            f"SELECT {_COLUMNS} FROM events WHERE events.run = {mark} AND events.kind NOT IN ({bulk}) "  # noqa: S608 - see above
            f"UNION ALL SELECT {_COLUMNS} FROM tasks JOIN events ON events.run = tasks.run AND events.seq = tasks.seq "
            f"WHERE tasks.run = {mark} AND tasks.kind IN ({bulk}) "
            f"AND (tasks.outcome NOT IN ({self._well}) {self._or_small}) ORDER BY 2"
        )

    def asked(self, tasks: Sequence[str]) -> str:
        """Of these tasks the newest event, and whether they are counted and told no more of."""
        counted = f"CASE WHEN outcome IN ({self._well}) {self._not_small} THEN 1 ELSE 0 END"
        return f"SELECT task, seq, {counted} FROM tasks WHERE run = {self._mark} AND task IN ({self._marks(tasks)})"  # noqa: S608 - see above

    def counted(self, by: str) -> str:
        """How many tasks ended well, by a column and outcome."""
        return (
            f"SELECT {by}, outcome, count(*) FROM tasks WHERE run = {self._mark} AND outcome IN ({self._well}) "  # noqa: S608 - see above
            f"{self._not_small} GROUP BY {by}, outcome"
        )

    def _marks(self, values: Sequence[str]) -> str:
        return ", ".join([self._mark] * len(values))


def _seq(run: str, task: object, seq: object) -> int:
    if not isinstance(seq, int):
        raise JournalError(f"run {run}: the newest event of {str(task)!r} is {str(seq)[:40]!r}, which is no number")
    return seq


def _counted(rows: Sequence[Sequence[object]]) -> dict[tuple[str, str], int]:
    return {(str(name), str(outcome)): int(str(count)) for name, outcome, count in rows}
