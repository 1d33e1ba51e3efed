"""What a worker makes of an order of a run: it, or a refusal that says why."""

import hashlib
from pathlib import Path

import pytest
from support.orders import an_order

from runbook_engine.app.clock import SystemClock
from runbook_engine.app.init import init_project
from runbook_engine.app.prepare import read_inventory
from runbook_engine.app.project import open_project
from runbook_engine.app.queue_facts import RunForWorkers, seal, unseal
from runbook_engine.app.worker_runs import WorkerRun
from runbook_engine.dispatchers.queue_wire import SentOrder, order_text, read_order
from runbook_engine.execution.lease_term import LeaseTerm
from runbook_engine.model.inventory import Target
from runbook_engine.ports.cancel import CancelSignal

VAULTED = Path(__file__).parents[1] / "loading" / "inventory" / "vault_files" / "values.yml"
SECRET = "s3cr3t-pässword"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))  # where commands on this machine leave their folders
    init_project(tmp_path / "project", person="dana")
    return open_project(tmp_path / "project")


def _facts(project, **more):
    known = {
        "engine": "1",
        "sources": (),
        "inventory_files": {},
        "sealed": 0,
        "files": {},
        "references": (),
        "aws": {},
    }
    return RunForWorkers(**{**known, **more})


def _made(project, facts, order, origin="runbook-engine", version=None, engine="1"):
    version = project.catalog.entry(order.action).version if version is None else version
    run = WorkerRun(project, facts, engine, SystemClock(), LeaseTerm())
    sent = read_order(order_text(SentOrder(order, origin, version)))
    return run.make(sent, CancelSignal(), lambda _: None)


def _command(shell, **more):
    target = Target(name="h", variables={"ansible_connection": "local"})
    return an_order(**{"parameters": {"shell": shell}, "target": target, **more})


def test_an_order_is_made_and_its_output_comes_with_the_report(project):
    report = _made(project, _facts(project), _command("echo hello"))
    assert (report.outcome, report.output) == ("changed", {"stdout": b"hello\n"})


def test_another_version_refuses(project):
    report = _made(project, _facts(project), _command("echo no", settle=True), engine="2")
    assert "it runs runbook-engine 2, and the run is made by 1" in report.error
    assert report.in_doubt, "what an earlier attempt did is as unknown as before"


def test_an_action_of_another_version_refuses(project):
    report = _made(project, _facts(project), _command("echo no"), version="0")
    assert "the action command.run is of runbook-engine" in report.error
    assert not report.in_doubt


def test_an_action_that_is_not_there_refuses(project):
    report = _made(project, _facts(project), _command("echo no", action="their.own"), version="1")
    assert "there is no action their.own here" in report.error


def test_a_file_that_is_another_one_is_not_read(project):
    path = project.root / "files" / "a.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text("here")
    order = _command("", action="file.copy", parameters={"src": "files/a.txt", "dest": str(project.root / "copy")})
    there = hashlib.sha256(b"there").hexdigest()
    report = _made(project, _facts(project, files={"files/a.txt": there}), order)
    assert "files/a.txt is another one here" in report.error
    path.unlink()
    lost = _made(project, _facts(project, files={"files/a.txt": there}), order).error
    assert "it could where the run was made" in lost
    assert "the worker's copy of the project" in lost
    assert not (project.root / "copy").exists()


def test_passwords_in_clear_do_not_travel_and_are_the_workers_own_to_read(project):
    folder = project.root / "inventories" / "clear"
    folder.mkdir(parents=True)
    text = "all: {hosts: {h: {ansible_connection: local, ansible_password: pw-77aa, ansible_become_pass: 12345}}}\n"
    (folder / "hosts.yml").write_text(text)
    inventory, _, _ = read_inventory(project, ("inventories/clear",))
    target = inventory.target("h")
    order = _command("echo anything", target=seal(target, inventory))
    wire = order_text(SentOrder(order, "", ""))
    assert "pw-77aa" not in wire
    assert "12345" not in wire
    facts = _facts(project, sources=("inventories/clear",), inventory_files=dict(inventory.files))
    report = _made(project, facts, order._replace(parameters={"shell": "echo {{ 1 }}"}))
    assert report.outcome == "changed", report.error
    opened = unseal(order.target, [], target.variables)
    assert opened.variables == target.variables


def test_a_refusal_names_the_error_and_no_warning(project):
    folder = project.root / "inventories" / "wrong"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "hosts.yml").write_text("all: {hosts: {h: {ansible_connection: local, ansible_password: x}}}\n")
    inventory, _, _ = read_inventory(project, ("inventories/wrong",))
    order = _command("echo anything", target=seal(inventory.target("h"), inventory))
    facts = _facts(project, sources=("inventories/wrong",), inventory_files=dict(inventory.files))
    (folder / "group_vars" / "all.yml").write_text('a: "{{ harmless }}"\nb: !vault "broken"\n')
    error = _made(project, facts, order).error
    assert "the inventory can't be opened here" in error
    assert "will not be rendered" not in error


def test_what_ansible_vault_encrypted_does_not_travel(project, monkeypatch):
    monkeypatch.setenv("RUNBOOK_VAULT_PASSWORD", "correct horse")
    folder = project.root / "inventories" / "vaulted"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "hosts.yml").write_text("all: {hosts: {h: {ansible_connection: local}}}\n")
    (folder / "group_vars" / "all.yml").write_text(VAULTED.read_text())
    inventory, _, found = read_inventory(project, ("inventories/vaulted",))
    assert inventory is not None, found
    target = inventory.target("h")
    assert target.variables["inline"] == SECRET
    order = _command("echo anything", target=seal(target, inventory))
    assert "s3cr3t" not in order_text(SentOrder(order, "", ""))
    known = {"sources": ("inventories/vaulted",), "inventory_files": dict(inventory.files)}
    facts = _facts(project, sealed=len(inventory.secrets), **known)
    report = _made(project, facts, order._replace(parameters={"shell": f"echo {SECRET}"}))
    assert report.output == {"stdout": b"[redacted]\n"}, "the worker knows what is not to be seen"
    (folder / "hosts.yml").write_text("all: {hosts: {h: {ansible_connection: local}, other: {}}}\n")
    assert "the inventory is another one here" in _made(project, facts, order).error
