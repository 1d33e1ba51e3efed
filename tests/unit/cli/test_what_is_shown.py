"""The lines of `status` and `audit verify`, one for each fact."""

from datetime import UTC, datetime

from runbook_engine.app.status import RunStatus, TaskLine, WaitingGate
from runbook_engine.cli.commands.audit import _damage_line
from runbook_engine.cli.commands.status import _lines


def found(**facts):
    values = {
        "id": "r1", "runbook": "x", "title": "", "inventory": "i", "mode": "live", "status": "waiting",
        "operator": "dana", "started_at": datetime(2026, 11, 23, tzinfo=UTC), "closed_at": None, "holder": None,
        "tasks": 1, "ended": 0, "counts": {}, "running": (), "gates": (), "troubles": (), "resumable": True,
    }  # fmt: skip
    return RunStatus(**{**values, **facts})


def test_an_expired_gate_does_not_wait():
    gate = WaitingGate(
        task="ask@localhost",
        roles=("director",),
        quorum=1,
        message="Go?",
        expires_at=None,
        approved_by=(),
        expired=True,
    )
    text = "\n".join(_lines(found(gates=(gate,))))
    assert "expired: ask@localhost: nobody answered; `runbook resume r1` asks anew" in text
    assert "waits" not in text


def test_a_reason_of_many_lines_stays_in_its_line():
    lines = _lines(found(troubles=(TaskLine(task="a@x", state="failed", reason="one\ntwo\n"),)))
    assert any(line.startswith("failed: a@x: one") and line.endswith("two") for line in lines)


def test_damage_of_no_run_is_the_journals():
    damage = {"run": "", "seq": 0, "kind": "missing", "problem": "run number 2 is missing"}
    assert _damage_line(damage) == "damaged: the journal: missing: run number 2 is missing"
    assert _damage_line({**damage, "run": "r1"}).startswith("damaged: run r1: ")
    assert _damage_line({**damage, "run": "r1", "seq": 3}).startswith("damaged: event 3 of r1: ")
