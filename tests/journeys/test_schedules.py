"""The examples for cron, CI and systemd are what those programs read, and their commands do what they are there for."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from runbook_engine.app.init import init_project

DOCS = Path(__file__).resolve().parents[2] / "docs/how-to"
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
STAND_IN = {"region-failover": "restore-settings"}  # a runbook of the starter project, without an input
WATCHED = """\
runbook: watched
title: Somebody watches it
steps: [{id: a, assert.that: {that: ["true"]}}]
triggers: [{when: {tcp.check: {host: 127.0.0.1, port: 1, timeout: 1s}}, for: 1h, then: notify}]
"""
LEFT_OUT = re.compile(r" -i production| -e incident=\S+")


def blocks(language):
    return [
        pytest.param(found["text"], id=f"{page.stem}-{number}")
        for page in sorted(DOCS.glob("*.md"))
        for number, found in enumerate(FENCE.finditer(page.read_text()))
        if found["info"] == language
    ]


WORKFLOWS = [one for one in blocks("yaml") if re.search(r"^(pipelines|jobs):", one.values[0], re.MULTILINE)]
UNITS = [one for one in blocks("ini") if re.match(r"# /etc/systemd/system/", one.values[0])]
CRON = [
    line
    for one in blocks("text")
    for line in one.values[0].splitlines()
    if re.match(r"^[\d*/,-]+( +[\d*/,-]+){4} +cd ", line)
]


def commands(workflow):
    """Give the lines of a Bitbucket pipeline or a GitHub workflow that call us."""
    read = yaml.safe_load(workflow)
    if "pipelines" in read:
        steps = [one["step"] for named in read["pipelines"].values() for parts in named.values() for one in parts]
        lines = [line for step in steps for line in step["script"]]
        assert all(step["image"] for step in steps)
    else:
        assert read[True] or read["on"]  # YAML 1.1 takes the key `on` for true, as GitHub's own reader does not
        lines = []
        for job in read["jobs"].values():
            assert job["runs-on"]
            for step in job["steps"]:
                assert ("uses" in step) != ("run" in step)
                lines += step.get("run", "").splitlines()
    return [line for line in lines if "runbook " in line]


def shell(line, project):
    """Run a line of an example, in a starter project, on a runbook that it has."""
    line = LEFT_OUT.sub("", line)
    for name, ours in STAND_IN.items():
        line = line.replace(name, ours)
    call = f"{shlex.quote(sys.executable)} -m runbook_engine.cli.main "
    line = re.sub(r"(?<![\w/.-])(/opt/runbook/bin/)?runbook (?=[a-z])", lambda _: call, line)
    return subprocess.run(["bash", "-c", line], cwd=project, capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture
def project(tmp_path):
    init_project(tmp_path / "project", person="readiness")
    return tmp_path / "project"


def test_there_is_an_example_of_each():
    texts = [one.values[0] for one in WORKFLOWS]
    assert any("pipelines:" in text for text in texts)
    assert any("jobs:" in text for text in texts)
    names = [one.values[0].splitlines()[0].rpartition(".")[2] for one in UNITS]
    assert {"service", "timer"} <= set(names)
    assert CRON


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_the_commands_of_a_workflow_run(workflow, project):
    lines = commands(workflow)
    assert lines
    for line in lines:
        done = shell(line, project)
        assert done.returncode in {0, 1}, (line, done.stderr)
        assert "Usage:" not in done.stderr
        assert "error:" not in done.stderr, (line, done.stderr)


@pytest.mark.parametrize("line", CRON)
def test_the_commands_of_cron_run(line, project):
    """They run beside what is not ours to try: a mail program, a bucket."""
    assert shell("runbook run restore-settings --yes", project).returncode == 0
    (project / "runbooks/watched.yml").write_text(WATCHED)
    command = line.partition(" cd ")[2].partition(" && ")[2]
    for there, here in ((r"2>/dev/null|2>>\S+", ""), (r"\| mail .*", "| cat"), (r"s3://\S+/anchors", "anchors.jsonl")):
        command = re.sub(there, here, command)
    done = shell(command, project)
    assert done.returncode in {0, 1}, (line, done.stderr)
    assert "error:" not in done.stderr, (line, done.stderr)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_one(unit, tmp_path):
    path = tmp_path / unit.splitlines()[0].rpartition("/")[2]
    text = unit.replace("/opt/runbook/bin/runbook", sys.executable).replace("User=runbook\n", "User=root\n")
    path.write_text(text)
    if path.suffix == ".timer":  # a timer starts the service of its name
        path.with_suffix(".service").write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False, timeout=120
    )
    about = [line for line in (done.stdout + done.stderr).splitlines() if path.stem in line]
    assert (done.returncode, about) == (0, [])
