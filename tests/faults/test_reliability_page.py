"""The page that says which test shows what names tests that exist, and every test of faults."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs/reference/reliability.md"
NAMED = re.findall(r"`([\w/.]+\.py)::(\w+)`", PAGE.read_text())


def names_in(path):
    tree = ast.parse(path.read_text())
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    return found | {target.id for target in targets if isinstance(target, ast.Name)}


def test_every_test_it_names_exists():
    assert len(NAMED) > 50
    missing = [f"{path}::{name}" for path, name in NAMED if name not in names_in(TESTS / path)]
    assert missing == []


def test_every_file_of_faults_is_named():
    files = {str(path.relative_to(TESTS)) for path in (TESTS / "faults").rglob("test_*.py")} - {
        "faults/test_reliability_page.py"
    }
    assert files - {path for path, _ in NAMED} == set()
