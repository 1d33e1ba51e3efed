"""The examples for CI do what they say: each line is run, in a project that is well and in one that is not."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.forks import helper

from runbook_engine.app.init import init_project

ROOT = Path(__file__).parents[2]
RUNBOOK = [sys.executable, "-m", "runbook_engine.cli.main"]
PAGE = (ROOT / "docs/how-to/ci.md").read_text(encoding="utf-8")
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
CASES = """\
runbook: restore-settings
inventory: local
cases:
  - {name: all is well, expect: {status: succeeded}}
"""


def example(kind):
    return yaml.safe_load(re.search(rf"^```yaml {kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1])


def lines_of_github():
    workflow = example("github-workflow")
    assert workflow["permissions"] == {"contents": "read"}
    assert set(workflow) == {"name", True, "permissions", "jobs"}  # YAML 1.1 takes `on` for true
    (job,) = workflow["jobs"].values()
    assert all(len({"uses", "run"} & step.keys()) == 1 for step in job["steps"])
    return [step["run"] for step in job["steps"] if "run" in step]


def lines_of_bitbucket():
    (item,) = example("bitbucket-pipelines")["pipelines"]["default"]
    return item["step"]["script"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with cases."""
    root = tmp_path_factory.mktemp("ci") / "project"
    init_project(root, person="dana")
    (root / "runbooks/tests/restore-settings.yml").write_text(CASES)
    return root


@pytest.fixture
def spoil(project):
    """Makes something wrong with the project, until the test ends."""
    book, cases = project / "runbooks/restore-settings.yml", project / "runbooks/tests/restore-settings.yml"
    kept = {path: path.read_text() for path in (book, cases)}

    def make(*faults):
        if "layout" in faults:
            book.write_text(book.read_text().replace("steps:\n", "steps:\n\n\n\n"))
        if "meaning" in faults:
            book.write_text(book.read_text().replace("needs: [declare]", "needs: [delcare]"))
        if "case" in faults:
            cases.write_text(CASES.replace("succeeded", "failed"))

    yield make
    for path, text in kept.items():
        path.write_text(text)


# By fault: the commands that end badly, and nothing else does.
ENDS = {"": set(), "layout": {"fmt"}, "meaning": {"validate", "test"}, "case": {"test"}}


@pytest.mark.parametrize("lines", [lines_of_github, lines_of_bitbucket])
@pytest.mark.parametrize("faults", [(), ("layout", "meaning", "case")], ids=["well", "not well"])
def test_the_lines_of_a_pipeline(lines, faults, project, spoil, tmp_path):
    install, *rest = lines()
    assert install == 'pip install "$RUNBOOK_ENGINE"'  # as test_distribution.py installs the wheel
    (tmp_path / "runbook").write_text(f'#!/bin/sh\nexec {shlex.join(RUNBOOK)} "$@"\n')
    (tmp_path / "runbook").chmod(0o755)
    spoil(*faults)
    failed = set()
    for line in rest:
        words = ["sh", "-e", "-c", f'PATH="{tmp_path}:$PATH"; {line}']
        done = subprocess.run(words, cwd=project, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode in {0, 1, 3}, (line, done)
        if done.returncode:
            failed.add(shlex.split(line)[1])
    assert failed == ({"validate", "fmt", "test"} if faults else set())


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook(name, project, spoil):
    """As pre-commit calls it: in the repository's folder, without names; a file that changed counts as a failure."""
    hook = HOOKS[name]
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    assert re.search(hook["files"], "runbooks/restore-settings.yml")
    assert not re.search(hook["files"], "README.md")
    command, *words = shlex.split(hook["entry"])
    assert command == "runbook"
    book = project / "runbooks/restore-settings.yml"
    well = book.read_text()
    for fault, ends in ENDS.items():
        spoil(fault)
        before = book.read_text()
        done = helper().run(words, cwd=project, env=os.environ, timeout=120)
        assert bool(done.returncode or book.read_text() != before) is (words[0] in ends), (fault, done)
        book.write_text(well)
        (project / "runbooks/tests/restore-settings.yml").write_text(CASES)


def test_the_page_names_the_hooks_that_there_are():
    (repository,) = example("pre-commit")["repos"]
    assert [hook["id"] for hook in repository["hooks"]] == list(HOOKS)
