"""Start-up stays light: a library is imported by the command that needs it."""

import subprocess
import sys

import pytest

HEAVY = ("boto3", "botocore", "paramiko", "networkx", "sqlalchemy", "jinja2", "rich", "httpx", "pydantic", "structlog")
REMOTE = ("boto3", "botocore", "paramiko", "httpx", "networkx", "rich")


def imported(words, cwd):
    code = (
        "import sys\nfrom runbook_engine.cli.main import run_cli\n"
        f"status = run_cli({list(words)!r})\n"
        "print(status, *sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd)
    status, *modules = done.stderr.splitlines()[-1].split()
    return int(status), set(modules)


@pytest.mark.parametrize("words", [("--version",), ("--help",)])
def test_help_and_version_import_nothing_heavy(words, tmp_path):
    status, modules = imported(words, tmp_path)
    assert status == 0
    assert not modules & set(HEAVY)


@pytest.mark.parametrize("words", [("status",), ("runs",), ("audit", "verify")])
def test_looking_at_the_journal_imports_no_cloud_or_ssh_library(runbook, words):
    runbook("run", "restore-settings", "--dry-run")
    status, modules = imported(words, runbook.root)
    assert status == 0
    assert not modules & set(REMOTE)
