"""Which connection a target gets."""

import pytest

from runbook_engine.connections.factory import HostConnections, HostSettings
from runbook_engine.connections.local import LocalConnection
from runbook_engine.connections.ssh import SshConnection
from runbook_engine.connections.ssh_settings import SshSettings
from runbook_engine.sdk import RunbookError, Target


@pytest.fixture
def hosts(tmp_path):
    made = HostConnections(HostSettings(tmp_path, SshSettings(home=tmp_path, config=(), known_hosts=())))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("name", "variables", "kind"),
    [
        ("localhost", {}, LocalConnection),
        ("localhost", {"ansible_connection": "ssh"}, SshConnection),
        ("web1", {}, SshConnection),
        ("web1", {"ansible_connection": "local"}, LocalConnection),
        ("web1", {"ansible_connection": "smart"}, SshConnection),
    ],
)
def test_chooses(hosts, name, variables, kind):
    assert isinstance(hosts.open(Target(name=name, variables=variables)), kind)


@pytest.mark.parametrize(
    "variables",
    [
        {"ansible_connection": "winrm"},
        {"ansible_become": True, "ansible_become_method": "su"},
        {"ansible_become": "perhaps"},
    ],
)
def test_what_there_is_not_is_told_with_the_target(hosts, variables):
    with pytest.raises(RunbookError, match="web1"):
        hosts.open(Target(name="web1", variables=variables))


@pytest.mark.parametrize(
    ("variables", "asked", "user"),
    [
        ({}, None, None),
        ({"ansible_become": "yes"}, None, "root"),
        ({"ansible_become": True, "ansible_become_user": "app"}, None, "app"),
        ({"ansible_become": False, "ansible_become_user": "app"}, None, None),
        ({"ansible_become": False}, "db", "db"),
    ],
)
def test_becomes(hosts, variables, asked, user):
    assert hosts.open(Target(name="web1", variables=variables), asked)._become_user == user
