"""The lines of `status` and `audit verify`, one for each fact."""

from datetime import UTC, datetime

from runbook_engine.app.status import RunStatus, TaskLine, WaitingGate
from runbook_engine.cli.commands.audit import _damage_line
from runbook_engine.cli.commands.status import _lines
from runbook_engine.cli.options import _complete_limit
from runbook_engine.reporting.troubles import group_troubles


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


def test_troubles_of_many_hosts_are_told_by_reason_and_every_host_is_named():
    troubles = [TaskLine(task=f"a@h{n:03}", state="failed", reason=f"no disk on h{n:03}") for n in range(50)]
    grouped = group_troubles((one.task, one.state, one.reason) for one in troubles)
    lines = _lines(found(troubles=tuple(troubles), grouped=grouped))
    assert "  failed       a on 50 hosts: no disk on HOST" in lines
    assert {f"h{n:03}" for n in range(50)} <= set(" ".join(lines).split())
    assert len(lines) < 12


def test_what_runs_on_many_hosts_is_counted_by_step():
    running = tuple(f"a@h{n:03}" for n in range(50))
    lines = _lines(found(running=running, holder="dana@laptop"))
    (line,) = [line for line in lines if line.startswith("running")]
    assert line.startswith("running: a: 50 tasks: h000 h001")
    assert line.endswith("h019 and 30 more")
    assert "running: a@h000" in _lines(found(running=running[:3], holder="dana@laptop"))


def test_a_limit_is_shown_with_the_hosts_that_it_stood_for():
    assert "limited to @failed (web1 web2)" in _lines(found(limit="@failed", limit_hosts=("web1", "web2")))
    assert "limited to web:!web1" in _lines(found(limit="web:!web1"))


def test_the_limit_is_completed_by_what_stands_for_the_failed_hosts():
    assert [item.value for item in _complete_limit(None, None, "@f")] == ["@failed"]
    assert _complete_limit(None, None, "web") == []


def test_damage_of_no_run_is_the_journals():
    damage = {"run": "", "seq": 0, "kind": "missing", "problem": "run number 2 is missing"}
    assert _damage_line(damage) == "damaged: the journal: missing: run number 2 is missing"
    assert _damage_line({**damage, "run": "r1"}).startswith("damaged: run r1: ")
    assert _damage_line({**damage, "run": "r1", "seq": 3}).startswith("damaged: event 3 of r1: ")
