"""A project with runs that wait for people, and its dashboard."""

import os

import pytest
from support.dashboard import TEAM, served
from support.forks import helper
from support.own_path import own_path

from runbook_engine.app.init import init_project
from runbook_engine.app.project import open_project

GATED = """\
runbook: gated
steps:
  - {id: declare, gate.approval: {roles: [director], message: "<b>Move</b>?"}}
  - {id: call, manual.task: {roles: [engineering], instructions: Call the provider.}}
  - {id: probe, on_failure: hold, command.run: {argv: [sh, -c, "echo '<script>alert(1)</script>'; exit 3"]}}
  - {id: after, needs: [declare, call, probe], command.run: {argv: ["true"]}}
"""
PLAIN = """\
runbook: plain
steps:
  - {id: greet, command.run: {argv: [printf, "hello\\\\033[31m\\\\000<b>"]}}
"""


class Place:
    """A project's folder, and the command line in it."""

    def __init__(self, root):
        self.root = root

    def runbook(self, *words):
        unwanted = {"RUNBOOK_JOURNAL", "RUNBOOK_OPERATOR", "RUNBOOK_DEBUG"}
        environment = {name: value for name, value in os.environ.items() if name not in unwanted}
        environment |= {"TZ": "UTC", "PYTHONPATH": own_path()}
        return helper().run(words, cwd=self.root, env=environment, timeout=180)

    def run(self, name):
        """Run a runbook as far as it goes; gives the run's id."""
        self.runbook("run", name, "--yes")
        journal = open_project(self.root).journal()
        try:
            return journal.runs(limit=1)[0].id
        finally:
            journal.close()

    def events(self, run):
        journal = open_project(self.root).journal()
        try:
            return list(journal.read(run))
        finally:
            journal.close()

    def kinds(self, run):
        return [stored.event.kind for stored in self.events(run)]


def make_place(folder):
    init_project(folder, person="dana")
    (folder / "team.yml").write_text(TEAM)
    for name, text in (("gated", GATED), ("plain", PLAIN)):
        (folder / "runbooks" / f"{name}.yml").write_text(text)
    return Place(folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("dashboard") / "project")


@pytest.fixture(scope="module")
def stage(place):
    with served(place.root) as stage:
        yield stage


@pytest.fixture
def waiting(place):
    """Give a run that waits for a director, an engineer and a decision."""
    return place.run("gated")
