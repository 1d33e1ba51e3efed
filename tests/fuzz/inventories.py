"""What an inventory is made of, as targets of `targets.py` are: files, plugins' settings, programs' output, instances."""

import json
import os
import shutil
from contextlib import suppress
from itertools import islice
from unittest import mock

from fuzz.parts import BORDER, Project, parts
from fuzz.seeds_more import MORE
from runbook_engine.loading.inventory.as_graph import graph_lines
from runbook_engine.loading.inventory.as_json import ansible_inventory_json
from runbook_engine.loading.inventory.load import load_inventory
from runbook_engine.model.config import Limits
from runbook_engine.model.errors import RunbookError
from runbook_engine.planning.targets import choose_targets

LIMITS = Limits(nodes=20_000)
PASSWORD = "correct horse"  # of tests/unit/loading/inventory/vault_files
_LINES = 2000
EXAMPLE = json.loads(MORE["instances"][0].split(BORDER)[1])[0]
_PLACES = {"yaml": "hosts.yml", "ini": "hosts", "vars": "group_vars/all.yml", "host": "host_vars/web1"}


def inventory(folder):
    """An inventory as YAML, as INI, and as files of variables, some of them encrypted."""
    project = Project(folder)

    def check(data):
        for name in _PLACES.values():
            texts = {"hosts": b"[web]\nweb[1:2]\n"} if "_vars" in name else {}
            _look(project, {**texts, name: data})

    return check


def constructed(folder):
    """Hosts, the settings of the plugin that makes groups of their variables, and variables of all of them."""
    project = Project(folder)

    def check(data):
        hosts, settings, variables = parts(data, 3)
        _look(project, {"a": hosts, "b.yml": settings, "group_vars/all.yml": variables})

    return check


def program(folder):
    """What an inventory program prints, for all hosts and for each."""
    project = Project(folder)

    def check(data):
        listed, one = parts(data, 2)
        project.write("listed", listed)
        project.write("one", one)
        _look(project, {"all": b"#!/bin/sh\ncase $1 in --list) exec cat listed;; *) exec cat one;; esac\n"}, mode=0o700)

    return check


def instances(folder):
    """The settings of `aws_ec2`, and what EC2 tells of instances."""
    project = Project(folder)

    def check(data):
        settings, told = parts(data, 2)
        known = []
        with suppress(ValueError, RecursionError):
            read = json.loads(told)
            known = [_as_told(one, EXAMPLE) for one in read] if isinstance(read, list) else []
        _look(project, {"aws_ec2.yml": settings}, describe=lambda _region, _filters: known)

    return check


def _as_told(value, example):
    """Give a value the types that AWS's library gives: those of the example, where that has the key."""
    if isinstance(example, dict):
        given = value if isinstance(value, dict) else {}
        shaped = {key: _as_told(one, example[key]) if key in example else one for key, one in given.items()}
        return {**({"InstanceId": "i-0"} if "InstanceId" in example else {}), **shaped}
    if isinstance(example, list):
        return [_as_told(one, example[0]) for one in value] if isinstance(value, list) and example else []
    return value if type(value) is type(example) else example


def _look(project, texts, *, mode=0o600, describe=None):
    """Load what lies there, and show it in every way."""
    root = project.root / "inventories/all"
    shutil.rmtree(root, ignore_errors=True)
    for name, content in texts.items():
        project.write(f"inventories/all/{name}", content).chmod(mode)
    with mock.patch.dict(os.environ, {"RUNBOOK_VAULT_PASSWORD": PASSWORD}):
        loaded = load_inventory([root], name="all", project=project.root, limits=LIMITS, describe=describe)
    for found in loaded.diagnostics:
        told = found.model_dump_json()
        assert not any(len(secret) > 5 and secret in told for secret in _secrets(loaded)), told
    if loaded.inventory is None:
        return
    shown = json.dumps(ansible_inventory_json(loaded.inventory))
    list(islice(graph_lines(loaded.inventory, variables=True), _LINES))
    for pattern in ("all", "web:!db", next(iter(loaded.inventory.targets), "x")):
        with suppress(RunbookError):
            choose_targets(loaded.inventory, pattern)
    assert not any(secret in shown for secret in _secrets(loaded) if secret.startswith("sealed-")), shown


def _secrets(loaded):
    return loaded.inventory.secrets if loaded.inventory else ()


INVENTORIES = {each.__name__: each for each in (inventory, constructed, program, instances)}
