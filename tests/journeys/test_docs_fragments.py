"""Parts of files that pages show are parts of such files: each is put into a project, which then validates."""

import ast
import importlib
import json
import re
import shutil

import botocore.session
import pytest
from support.forks import helper
from support.pages import PAGES, ROOT, Block, blocks, name_of

from runbook_engine.app.init import init_project

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6tqWGHvNNRJ3RTVpEjoRTZnCTCxYyKGtTVyaQmpnEQ"
STEP = "steps: [{id: a, assert.that: {that: ['true']}}]\n"
PROBE = "runbook: probe\nvars: {dns_zone: example.com, escaped_region: us-east-1}\n"


def team(text):
    """A team with the part; its roles and people are those that the part does not have."""
    dana = f'dana: {{name: Dana, roles: [director, engineering], ssh_keys: ["{KEY}"]}}'
    rest = {"roles": "roles: {director: {}, engineering: {}}", "people": f"people: {{{dana}}}"}
    return "\n".join([*(said for key, said in rest.items() if not re.search(f"^{key}:", text, re.MULTILINE)), text])


# By kind: the file that is written, and how it is made of the part.
FILES = {
    ("yaml", "steps"): ("runbooks/probe.yml", lambda text: f"{PROBE}steps:\n{text}"),
    ("yaml", "part"): ("runbooks/probe.yml", lambda text: f"runbook: probe\n{text}{STEP}"),
    ("yaml", "team"): ("team.yml", team),
    ("yaml", "inventory"): ("inventories/probe.yml", str),
    ("ini", "inventory"): ("inventories/probe.ini", str),
    ("json", "inventory"): ("inventories/probe.sh", "#!/bin/sh\ncat <<'END'\n{}\nEND\n".replace("{}", "%s").__mod__),
    ("toml",): ("runbook.toml", str),
}


def parts_of(page):
    """What of a page is tried: all its steps at once, since they follow each other, every other part for itself."""
    found = [block for block in blocks(page) if block.info in FILES]
    steps = [block for block in found if block.info == ("yaml", "steps")]
    joined = [Block(steps[0].info, "".join(block.text for block in steps))] if steps else []
    return [*joined, *(block for block in found if block not in steps)]


PARTS = [
    pytest.param(block, id=f"{name_of(page)}-{number}") for page in PAGES for number, block in enumerate(parts_of(page))
]


@pytest.mark.parametrize("block", PARTS)
def test_a_part_of_a_file_is_one(block, tmp_path):
    project = tmp_path / "project"
    init_project(project, person="dana")
    (project / "team.yml").write_text(team(""))
    if "bitbucket" in block.text:
        shutil.copytree(ROOT / "plugins/atlassian", project / "plugins/atlassian")
    name, make = FILES[block.info]
    file = project / name
    text = re.sub(r"ssh-ed25519 AAAA[^\s\"]*…", KEY, make(block.text))
    file.write_text(text.replace('"age1…", ', ""))
    if file.suffix == ".sh":
        file.chmod(0o755)
    words = ["inventory", "list", "-i", name] if "inventory" in block.info else ["validate"]
    done = helper().run(words, cwd=project, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stderr if "inventory" in block.info else True, done.stderr


def test_the_permissions_are_operations_of_aws():
    (policy,) = [block for block in blocks(ROOT / "docs/how-to/readiness.md") if block.info == ("json",)]
    names, session = {"servicequotas": "service-quotas"}, botocore.session.Session()
    for statement in json.loads(policy.text)["Statement"]:
        for action in statement["Action"]:
            service, operation = action.split(":")
            assert operation in session.get_service_model(names.get(service, service)).operation_names, action


def test_an_excerpt_of_an_aws_action_calls_what_there_is():
    """It compiles, and what it calls is in the SDK or among what the built-in ones share."""
    (block,) = [one for one in blocks(ROOT / "docs/how-to/write-an-aws-action.md") if one.info == ("python",)]
    shared = [
        "sdk",
        *(f"actions.aws.{name}" for name in ("common", "waiting", "marks", "before", "errors", "ec2_copies")),
    ]
    there = set().union(*(dir(importlib.import_module(f"runbook_engine.{name}")) for name in shared))
    calls = [node.func for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.Call)]
    assert {call.id for call in calls if isinstance(call, ast.Name)} <= there
