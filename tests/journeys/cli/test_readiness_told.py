"""`runbook readiness --notify`: one message for each change, to a real mail server; none twice, none forgotten."""

import pytest
from support.smtp import MailHouse, MailRoom

RUNBOOK = """\
runbook: failover
title: Fail over
owner: engineering
inputs:
  up: {type: boolean, default: true}
  also: {type: boolean, default: true}
steps:
  - {id: up, assert.that: {that: [up], msg: "the app\\e[31m is down"}}
  - {id: also, needs: [], assert.that: {that: [also], msg: the copy is old}}
"""
TOML = """\
inventory = "local"
%s
[[monitor.tell]]
"notify.email" = {smtp = {host = "127.0.0.1", port = %d, tls = "none"}, sender = "m@example.com", %s, \
subject = "{{ alarm.subject }}", body = "{{ alarm.about }} {{ alarm.phase }} {{ alarm.text }}"}
"""
OPS = 'to = ["ops@example.com"]'


@pytest.fixture(scope="module")
def house():
    room = MailRoom()
    house = MailHouse(room, tls="none", auth=False)
    house.room = room
    yield house
    house.close()


@pytest.fixture
def told(runbook, house):
    """Look with --notify; gives the mails that came of it."""
    house.room.taken.clear()
    house.room.refused.clear()
    runbook.write("runbooks/failover.yml", RUNBOOK)
    runbook.write("runbook.toml", TOML % ("", house.port, OPS))

    def look(*words, status=0, channel="notify.email"):
        house.room.taken.clear()
        done = runbook("readiness", "failover", *words, "--notify", channel)
        assert done.status == status, done.out + done.err
        look.said = done.err
        return [message for _, message in house.room.taken]

    return look


def subjects(messages):
    return [str(message["Subject"]) for message in messages]


def test_each_change_is_told_once_however_often_it_is_looked_at(told, runbook, house):
    assert told() == [], "nothing was missing before, and nothing is"
    (first,) = told("-e", "up=false", status=1)
    assert first["Subject"] == "failover on local: NOT READY, 1 missing, 1 new"
    text = first.get_content()
    assert text.startswith("readiness raised failover on local: NOT READY")
    assert "the app\\x1b[31m is down" in text, "what a host said obeys nobody"
    assert "runbook report " in text
    assert told("-e", "up=false", status=1) == []
    assert "nothing that people were not told of" in told.said
    assert told("-e", "up=false", "--new-only", channel="1:notify.email") == [], "the same channel by another name"
    assert runbook("readiness", "failover").status == 0, "and nobody is told by this one"
    assert told("-e", "up=false", status=1) == [], "what people know of is so still"
    assert subjects(told("-e", "also=false", status=1)) == ["failover on local: NOT READY, 1 missing, 1 new, 1 gone"]
    (last,) = told()
    assert last["Subject"] == "failover on local: nothing is missing, 1 gone"
    assert last.get_content().startswith("readiness over")
    (anew,) = told("-e", "up=false", status=1)
    assert anew["Message-ID"] != first["Message-ID"], "the same change, and another time"
    assert told("-e", "up=false", "--limit", "localhost", status=1), "another limit is another readiness"
    assert runbook("audit", "verify").status == 0
    look = runbook("readiness", "failover", "-e", "up=false", "--notify", "1", "--output", "json").json
    assert look["told"] == [{"channel": "1:notify.email", "message": "", "told": False, "error": ""}]


def test_what_could_not_be_told_is_said_and_told_by_the_next_look_under_the_same_name(told, runbook, house):
    house.room.refused["ops@example.com"] = "451 4.3.0 come back later"
    words = ("-e", "also=false", "--new-only")
    assert told("-e", "also=false", status=1) == []
    assert "1:notify.email: NOT TOLD: 127.0.0.1 refused 1 of 1 recipients" in told.said
    assert told(*words, status=1) == []
    assert "NOT TOLD" in told.said, "nothing is new, and still it ends with 1: people do not know"
    ids = {
        line["event"]["message"]
        for run in runbook("runs", "--output", "json").json
        for line in runbook("audit", "log", run["id"], "--output", "json").json
        if line["event"]["kind"] == "readiness.told"
    }
    assert len(ids) == 1
    house.room.refused.clear()
    assert subjects(told(*words)) == ["failover on local: NOT READY, 1 missing, 1 new"]
    assert told(*words) == []


def test_on_a_drills_inventory_a_sandbox_is_told_and_nobody_else(told, runbook, house):
    runbook.write("drill.yml", "all:\n  vars: {runbook_drill: true}\n")
    words = ("-e", "up=false", "-i", "drill.yml")
    assert told(*words, status=1) == []
    assert "names no sandbox for email" in told.said
    runbook.write("runbook.toml", TOML % ('sandbox = ["drill@example.com"]', house.port, OPS))
    (message,) = told(*words, status=1)
    assert message["To"] == "drill@example.com"


@pytest.mark.parametrize(
    ("channel", "tell", "status", "said"),
    [
        ("notify.slack", OPS, 2, "runbook.toml has: 1:notify.email"),
        ("1", 'audience = "nobody"', 3, "nobody would be told of failover"),
        ("nobody", 'audience = "nobody"', 3, "there is no audience"),
        ("1", 'to = "{{ alarm.emails }}"', 3, "`alarm.emails` are those of the people"),
        ("1", 'two = ["ops@example.com"]', 3, "RB202"),
    ],
)
def test_a_channel_that_can_not_be_used_is_said_before_anything_is_looked_at(
    told, runbook, house, channel, tell, status, said
):
    runbook.write("runbook.toml", TOML % ("", house.port, tell))
    told("-e", "up=false", channel=channel, status=status)
    assert said in told.said
    assert runbook("runs", "--output", "json").json == []


def test_several_of_a_name_are_told_apart_by_their_place(told, runbook, house):
    both = TOML % ("", house.port, OPS) + (TOML % ("", house.port, OPS.replace("ops", "dev"))).split("\n", 2)[2]
    runbook.write("runbook.toml", both)
    told(status=2)
    assert "is several" in told.said
    done = runbook("readiness", "failover", "-e", "up=false", "--notify", "1", "--notify", "2")
    assert done.status == 1, done.err
    assert sorted(str(message["To"]) for _, message in house.room.taken) == ["dev@example.com", "ops@example.com"]
    assert runbook("readiness", "failover", "--history", "--notify", "1").status == 2


DIES = """\
\"\"\"Tells a file, and dies before anybody knows.\"\"\"
import os, pathlib
from runbook_engine.sdk import Action, Applied, Params, unknown

class One(Params):
    file: str

class Tell(Action[One]):
    name = "odd.tell"
    Params = One
    def check(self, params, context):
        return unknown("would tell")
    def apply(self, params, context):
        with pathlib.Path(params.file).open("a") as file:
            file.write(f"{context.run.token}\\n")
        if not pathlib.Path(params.file + ".lives").exists():
            os._exit(9)
        return Applied()
"""


def test_killed_between_telling_and_writing_it_down_it_tells_again_under_the_same_name(runbook, tmp_path):
    runbook.write("runbooks/failover.yml", RUNBOOK)
    runbook.write("plugins/odd.py", DIES)
    file = tmp_path / "told"
    runbook.write("runbook.toml", f'inventory = "local"\n[[monitor.tell]]\n"odd.tell" = {{file = "{file}"}}\n')
    words = ("readiness", "failover", "-e", "up=false", "--notify", "odd.tell")
    assert runbook(*words).status == 9
    (tmp_path / "told.lives").touch()
    assert runbook(*words).status == 1
    assert runbook(*words).status == 1
    first, again = file.read_text().splitlines()
    assert first == again, "a receiver can tell that it is one message; the third look sends none"
