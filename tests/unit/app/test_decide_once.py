"""Who was faster is told only of what was decided about the same thing."""

import pytest

from runbook_engine.app.decide_once import append_decided
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.event import Actor, GateApproved, GateDeclined, HoldResolved, RunAbortRequested, RunOpened

RUN = "20261123-100000-failover-aaaa"
DANA, DORA, ELI = (Actor(name=name) for name in ("dana", "dora", "eli"))
HELD = HoldResolved(task="b@h", decision="skip", reason="known", number=1)
MINE = GateApproved(task="a@h", person="dana", role="director", fingerprint="f")
DECLINED = GateDeclined(task="a@h", person="dora", role="director", fingerprint="f")


@pytest.mark.parametrize(
    ("meanwhile", "told"),
    [
        ([(HELD, ELI)], "a@h is no open gate"),
        ([(DECLINED, DORA), (HELD, ELI)], "a@h is no open gate: dora was faster (gate.declined)"),
        ([(RunAbortRequested(reason="x"), ELI)], "a@h is no open gate: eli was faster (run.abort-requested)"),
    ],
)
def test_who_was_faster(meanwhile, told):
    journal = MemoryJournal()
    opened = RunOpened(
        runbook="failover", inventory="demo", mode="live", fingerprint="f", engine_version="1", steps=(), tasks=2
    )
    journal.open_run(RUN, opened, ELI)
    asked = []

    def decide(state):
        asked.append(state.seq)
        if len(asked) > 1:
            raise InvalidInputError("a@h is no open gate")
        for event, who in meanwhile:
            journal.append(RUN, [event], who)
        return [MINE]

    with pytest.raises(InvalidInputError) as refused:
        append_decided(journal, RUN, DANA, decide)
    assert refused.value.message == told
    assert len(asked) == 2
