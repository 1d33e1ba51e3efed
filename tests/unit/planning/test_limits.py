"""Limits: what means the hosts that failed, and that it can be joined with everything else a pattern has."""

import pytest

from runbook_engine.model.inventory import Group, Inventory, Target
from runbook_engine.planning.targets import TargetPatternError, choose_targets, failed_parts, limited_to

HOSTS = ("web1", "web2", "web3", "db1", "20261123-x")
RUN = "20261123-101500-sweep-0a1b"


@pytest.fixture
def inventory():
    groups = {
        "all": Group(name="all", children=("ungrouped", "web", "db")),
        "ungrouped": Group(name="ungrouped", hosts=("20261123-x",)),
        "web": Group(name="web", hosts=HOSTS[:3]),
        "db": Group(name="db", hosts=("db1",)),
    }
    return Inventory(name="i", targets={name: Target(name=name) for name in HOSTS}, groups=groups)


@pytest.mark.parametrize(
    ("limit", "parts"),
    [
        ("web", {}),
        ("@failed", {"@failed": None}),
        ("@failed:&web", {"@failed": None}),
        ("web:&@failed", {"@failed": None}),
        ("all:!@failed", {"@failed": None}),
        ("web,@failed", {"@failed": None}),
        ("@failed:web1", {"@failed": None}),
        (f"@failed:{RUN}", {f"@failed:{RUN}": RUN}),
        (f"@failed:{RUN}:&web", {f"@failed:{RUN}": RUN}),
        (f"web,@failed:{RUN}", {f"@failed:{RUN}": RUN}),
        ("@failed:20261123", {"@failed:20261123": "20261123"}),
        (f"@failed:@failed:{RUN}", {"@failed": None, f"@failed:{RUN}": RUN}),
        ("@failed.txt", {}),
        ("@./failed", {}),
        ("@failed-hosts:web", {}),
    ],
)
def test_what_means_the_hosts_that_failed(limit, parts):
    assert failed_parts(limit) == parts


@pytest.mark.parametrize(
    ("limit", "names"),
    [
        ("@failed", "web2 db1"),
        ("@failed:&web", "web2"),
        ("web:&@failed", "web2"),
        ("web:!@failed", "web1 web3"),
        ("!@failed", "20261123-x web1 web3"),
        ("@failed:web1", "web2 db1 web1"),
        ("web3,@failed", "web3 web2 db1"),
        ("@failed,!web", "db1"),
    ],
)
def test_it_is_joined_with_the_rest_of_the_pattern(inventory, limit, names):
    assert limited_to(inventory, limit, {"@failed": ("web2", "db1")}) == tuple(names.split())


def test_a_file_of_that_name_is_read_when_its_path_is_written(inventory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "failed").write_text("web3\n")
    assert limited_to(inventory, "@./failed:@failed", {"@failed": ("web2",)}) == ("web3", "web2")
    assert choose_targets(inventory, "all", limit="@./failed") == ("web3",)


def test_a_name_that_is_not_there_is_told_beside_it(inventory):
    with pytest.raises(TargetPatternError, match="'wbe' is neither"):
        limited_to(inventory, "@failed:&wbe", {"@failed": ("web1",)})


def test_a_limit_can_be_the_names_themselves(inventory):
    assert choose_targets(inventory, "web", limit=frozenset({"web3", "db1", "gone"})) == ("web3",)
    assert choose_targets(inventory, "localhost", limit=frozenset({"web3"})) == ("localhost",)
