"""The software bill of materials names what the lock has; locks pin every package by hash and name no index."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / ".cache" / "sbom" / "bin" / "cyclonedx-py"
LOCKS = [
    path
    for folder in ("", "benchmarks", "docs", "tests")
    for path in sorted((ROOT / folder).glob("requirements*.lock"))
]
PINNED = re.compile(r"^(?P<name>[a-z0-9.-]+)(?:\[[^\]]*\])?==(?P<version>[^ ;\\]+)", re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.relative_to(ROOT).as_posix())
def test_a_lock_pins_every_package_by_hash_and_names_no_index(lock):
    text = lock.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert entries
    for entry in entries:
        assert PINNED.match(entry), entry
        assert "--hash=sha256:" in entry, entry
    assert "://" not in text
    assert "--index" not in text


def test_it_names_every_package_of_the_lock_with_its_hashes(tmp_path):
    if not TOOL.exists():
        pytest.skip("cyclonedx-bom is not installed: `make sbom` does that")
    written = tmp_path / "sbom.json"
    subprocess.run(
        [TOOL, "requirements", "requirements.lock", "--short-PURLs", "--of", "JSON", "-o", written],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=250,
    )
    bill = json.loads(written.read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    named = {(one["name"], one["version"]) for one in bill["components"]}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert named == {(found["name"], found["version"]) for found in PINNED.finditer(lock)}
    for one in bill["components"]:
        assert any(reference.get("hashes") for reference in one["externalReferences"]), one["name"]
