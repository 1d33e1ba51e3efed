"""team.yml: roles that exist, addresses that look like such."""

import pytest

from runbook_engine.loading.team import load_team
from runbook_engine.model.config import Limits

GOOD = """\
roles:
  director: {description: Declares a disaster}
  engineering: {}
people:
  dana: {name: Dana Example, roles: [director], email: dana@example.com, ssh_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHWtSx66Fr4BHecjLU8l4l51+mvd3kaA8tYTQTts5acN dana@laptop"]}
audiences:
  customers: {email: [status@example.com], sandbox: {email: [drill@sub.example.co.uk]}}
"""


def load(tmp_path, text):
    (tmp_path / "team.yml").write_text(text)
    return load_team(tmp_path / "team.yml", Limits())


def test_a_whole_team(tmp_path):
    team, found, sources = load(tmp_path, GOOD)
    assert found == []
    assert team.people["dana"].roles == ("director",)
    assert team.audiences["customers"].sandbox.email == ("drill@sub.example.co.uk",)
    assert str(sources.at(("people", "dana", "email"))) == "team.yml:5:56"


def test_an_audience_is_reached_by_the_names_of_secrets(tmp_path):
    text = GOOD.replace("email: [status@example.com]", "slack: [env:SLACK], pagerduty: ['file:/etc/key']")
    team, found, _ = load(tmp_path, text)
    assert found == []
    customers = team.audiences["customers"]
    assert [customers.addresses(channel) for channel in ("email", "slack", "pagerduty", "none")] == [
        (),
        ("env:SLACK",),
        ("file:/etc/key",),
        (),
    ]


def test_a_secret_that_was_written_in_place_of_its_name_is_not_shown(tmp_path):
    text = GOOD.replace("email: [status@example.com]", "slack: ['https://hooks.example/verysecret']")
    _, (found,), _ = load(tmp_path, text)
    assert "verysecret" not in f"{found.message} {found.hint}"


def test_a_project_without_a_team_has_an_empty_one(tmp_path):
    team, found, _ = load_team(tmp_path / "team.yml", Limits())
    assert (team.people, found) == ({}, [])


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("~/.ssh/id_ed25519", "no public key"),
        ("sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t dana", "security token"),
    ],
)
def test_a_key_that_can_not_sign_is_a_warning_and_the_team_is_there(tmp_path, key, why):
    team, (found,), _ = load(tmp_path, GOOD.replace("ssh_keys: [", f'ssh_keys: ["{key}", '))
    assert (found.rule, str(found.severity), found.location.line) == ("RB404", "warning", 5)
    assert why in found.message
    assert len(team.people["dana"].ssh_keys) == 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[director]", "[directer]", ("5:38", "RB401", 'did you mean "director"?')),
        ("dana@example.com", "dana@example", ("5:56", "RB402", "")),
        ("dana@example.com", "'Dana <dana@example.com>'", ("5:56", "RB402", "without a name")),
        ("dana@example.com", '"a@b.c\\r\\nBcc: x@y.z"', ("5:56", "RB402", "")),
        ("dana@example.com", "a@b@example.com", ("5:56", "RB402", "")),
        ("status@example.com", "status", ("7:23", "RB402", "")),
        ("drill@sub.example.co.uk", "drill@-x.y", ("7:62", "RB402", "")),
        ("drill@sub.example.co.uk", "Status@example.com", ("7:62", "RB408", "an address of its own")),
        ("name: Dana Example, ", "", ("5:9", "RB103", "add name")),
        ("name: Dana", "nme: Dana", ("5:9", "RB103", "")),
        ("  dana:", "  Dana!:", ("5:3", "RB104", "")),
        ("[status@example.com]", "status@example.com", ("7:22", "RB104", "write a list")),
        ("sandbox:", "sandbocks:", ("7:44", "RB102", 'did you mean "sandbox"?')),
        ("email: [status@example.com]", "slack: [https://hooks.example/x]", ("7:23", "RB406", "env:SLACK_CUSTOMERS")),
        ("email: [drill@sub.example.co.uk]", "teams: [x]", ("7:62", "RB406", "name it")),
        ("email: [status@example.com]", "slak: [env:X]", ("7:15", "RB102", 'did you mean "slack"?')),
        ("roles:\n", "rolls:\n", ("1:1", "RB102", 'did you mean "roles"?')),
    ],
)
def test_mistakes(tmp_path, old, new, expected):
    team, found, _ = load(tmp_path, GOOD.replace(old, new, 1))
    place, rule, hint = expected
    assert (f"{found[0].location.line}:{found[0].location.column}", found[0].rule) == (place, rule)
    assert hint in found[0].hint
    assert team is None


@pytest.mark.parametrize(("text", "rule"), [("- a\n", "RB101"), ("", "RB101"), ("a: [", "RB005")])
def test_what_is_no_team(tmp_path, text, rule):
    assert [item.rule for item in load(tmp_path, text).diagnostics] == [rule]


def test_a_hostile_address_is_checked_at_once(tmp_path):
    address = "a@" + "a." * 5000 + "!"
    assert [item.rule for item in load(tmp_path, GOOD.replace("dana@example.com", address)).diagnostics] == ["RB402"]


@pytest.mark.parametrize("number", ["+49 30 123456", "030/123456", "(555) 010-0100", "+1.555.0100 x12", "112"])
def test_numbers_as_people_write_them(tmp_path, number):
    team, found, _ = load(tmp_path, GOOD.replace("name: Dana Example", f'name: Dana Example, phone: "{number}"'))
    assert (found, team.people["dana"].phone) == ([], number)


@pytest.mark.parametrize("number", ["ask Eli", "+", "12", "+49 30 1234;56", "0" * 60, "+49\\n30"])
def test_a_number_that_can_not_be_dialled(tmp_path, number):
    _, (found,), _ = load(tmp_path, GOOD.replace("name: Dana Example", f'name: Dana Example, phone: "{number}"'))
    assert (found.rule, found.location.line) == ("RB407", 5)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "support.example.com", "https://", "http:// x"])
def test_a_contacts_address_is_one_of_the_web(tmp_path, url):
    _, found, _ = load(tmp_path, GOOD + f"contacts:\n  aws: {{name: AWS, phone: '112', url: '{url}'}}\n")
    assert [item.rule for item in found] == ["RB407"]


def test_contacts_outside_of_the_team_can_be_reached(tmp_path):
    contacts = "contacts:\n  aws: {name: AWS support, url: 'https://example.com'}\n  gone: {name: Nobody}\n"
    _, found, _ = load(tmp_path, GOOD + contacts)
    assert [(one.rule, one.location.line, one.message) for one in found] == [("RB407", 10, 'nobody can reach "Nobody"')]
    _, found, _ = load(tmp_path, GOOD + "contacts: {aws: {name: A, email: support}, ins: {name: B, phone: call}}\n")
    assert sorted(one.rule for one in found) == ["RB402", "RB407"]
