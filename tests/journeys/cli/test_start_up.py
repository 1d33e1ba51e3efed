"""Start-up stays light: a library, and a part of the engine, is imported by the command that needs it."""

import subprocess
import sys

import pytest

HEAVY = {"boto3", "botocore", "paramiko", "networkx", "sqlalchemy", "jinja2", "rich", "httpx", "pydantic", "structlog"}
REMOTE = {"boto3", "botocore", "paramiko", "httpx", "networkx", "rich", "invoke"}
SERVICES = {"boto3", "botocore", "httpx", "smtplib", "dns"}
OWN_ACTIONS = "runbook_engine.actions."


def imported(words, cwd):
    code = (
        "import sys\nfrom runbook_engine.cli.main import run_cli\n"
        f"status = run_cli({list(words)!r})\n"
        "print(status, *sorted(sys.modules), file=sys.stderr)"
    )
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=cwd, stdin=subprocess.DEVNULL)
    status, *modules = done.stderr.splitlines()[-1].split()
    return int(status), set(modules)


@pytest.mark.parametrize("words", [("--version",), ("--help",)])
def test_help_and_version_import_nothing_heavy(words, tmp_path):
    status, modules = imported(words, tmp_path)
    assert status == 0
    assert not modules & HEAVY


@pytest.mark.parametrize("words", [("status",), ("runs",), ("audit", "verify")])
def test_looking_at_the_journal_imports_no_cloud_or_ssh_library(runbook, words):
    runbook("run", "restore-settings", "--dry-run")
    status, modules = imported(words, runbook.root)
    assert status == 0
    assert not modules & REMOTE
    assert not any(name.startswith(OWN_ACTIONS) for name in modules)


@pytest.mark.parametrize("words", [("status",), ("runs",)])
def test_a_glance_at_the_journal_reads_no_runbook_and_needs_no_sqlalchemy(runbook, words):
    runbook("run", "restore-settings", "--dry-run")
    _, modules = imported(words, runbook.root)
    assert not modules & {
        "sqlalchemy",
        "jinja2",
        "yaml",
        "runbook_engine.discovery.catalog",
        "runbook_engine.planning.lint",
    }


@pytest.mark.parametrize("words", [("validate",), ("plan", "restore-settings")])
def test_planning_opens_no_journal_and_no_connection(runbook, words):
    status, modules = imported(words, runbook.root)
    assert status == 0
    assert not modules & (SERVICES | {"sqlalchemy", "paramiko", "rich", "invoke"})
    assert "runbook_engine.execution.run_plan" not in modules


def test_validating_knows_nothing_of_runs(runbook):
    status, modules = imported(("validate",), runbook.root)
    assert status == 0
    apart = (
        "runbook_engine.model.event",
        "runbook_engine.journals",
        "runbook_engine.execution",
        "runbook_engine.connections",
    )
    assert not {name for name in modules if name.startswith(apart)}
    assert not modules & {"networkx"}


def test_a_run_imports_only_the_actions_and_services_that_its_steps_ask_for(runbook):
    (runbook.root / "runbooks" / "one.yml").write_text(
        'runbook: one\ntitle: One\nsteps:\n  - id: look\n    command.run: {argv: ["true"]}\n'
    )
    status, modules = imported(("run", "one", "--yes"), runbook.root)
    assert status == 0
    used = {name.removeprefix(OWN_ACTIONS) for name in modules if name.startswith(OWN_ACTIONS)}
    assert used == {"command", "command_result", "guards"}
    assert not modules & (SERVICES | {"paramiko", "networkx", "rich", "invoke", "asyncssh", "alembic", "mako"})
    assert not {name for name in modules if name.startswith(("runbook_engine.cli.gate_prompt", "runbook_engine.lab"))}
