"""`make audit` tells of each finding without a reason, of weak packages, and of what could not be asked."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "audit.py"
# What the script has a reason for, read from itself, so that bandit's stand-in finds it all.
REASONS = re.findall(r'^    "(B\d+)(?: (\S+))?":', SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)


def finding(rule, file="runbook_engine/app/git.py", line=3):
    return {"test_id": rule, "filename": file, "line_number": line, "line_range": [line], "issue_text": "weak"}


KNOWN = [finding(rule, file or "runbook_engine/app/git.py") for rule, file in REASONS]
UNASKED = {"name": "click", "skip_reason": "Dependency not found"}
WELL = {"name": "jinja2", "version": "3.1.6", "vulns": []}
WEAK = {"name": "jinja2", "version": "2.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}


@pytest.fixture
def audit(tmp_path):
    """Calls the script with stand-ins for its tools, which say what they are given."""

    def call(findings, packages):
        (tmp_path / "python").unlink(missing_ok=True)
        (tmp_path / "python").symlink_to(sys.executable)
        for tool, said in {"bandit": {"results": findings, "errors": []}, "pip-audit": packages}.items():
            (tmp_path / f"{tool}.json").write_text(json.dumps(said))
            (tmp_path / tool).write_text(f"#!/bin/sh\ncat '{tmp_path}/{tool}.json'\n")
            (tmp_path / tool).chmod(0o755)
        return subprocess.run(
            [tmp_path / "python", SCRIPT], capture_output=True, text=True, check=False, timeout=120, env=os.environ
        )

    return call


def test_a_finding_needs_a_reason_and_a_reason_a_finding(audit):
    well = audit(KNOWN, {"dependencies": [WELL]})
    assert (well.returncode, well.stderr) == (0, "")
    assert f"bandit: {len(KNOWN)} findings, 0 without a reason" in well.stdout
    assert "pip-audit: 1 of 1 packages looked up, 0 with a known weakness" in well.stdout
    more = audit([*KNOWN, finding("B602", line=29)], {"dependencies": [WELL]})
    assert (more.returncode, "runbook_engine/app/git.py:29: B602 weak" in more.stdout) == (1, True)
    less = audit(KNOWN[1:], {"dependencies": [WELL]})
    assert (less.returncode, "nothing needs the reason for" in less.stdout) == (1, True)
    reasoned = next(
        (str(path.relative_to(ROOT)), number)
        for path in sorted((ROOT / "runbook_engine").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "# noqa: S608 -" in line
    )
    assert audit([*KNOWN, finding("B608", *reasoned)], {"dependencies": [WELL]}).returncode == 0


def test_weak_packages_are_told_and_what_nobody_could_ask_is_no_all_clear(audit):
    weak = audit(KNOWN, {"dependencies": [WEAK, WELL, UNASKED]})
    assert (weak.returncode, "jinja2 2.0: CVE-1, mended in 2.1" in weak.stdout) == (1, True)
    for said in ({"dependencies": [UNASKED]}, {}, []):
        unasked = audit(KNOWN, said)
        assert (unasked.returncode, "pip-audit: SKIPPED" in unasked.stdout) == (0, True), said
