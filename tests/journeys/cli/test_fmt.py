"""runbook fmt: files in one layout, told or written, and never changed in what they say."""

import subprocess
import sys
from pathlib import Path

import pytest

UNTIDY = """# the first
runbook: tidy
title:   A runbook   # in words
steps:
- id: one
  command.run:
      argv: [ /bin/true ]


- id: two
  needs: [one]
  command.run: {argv: [/bin/true], creates: /tmp/x}
"""
TIDY = """# the first
runbook: tidy
title: A runbook     # in words
steps:
  - id: one
    command.run:
      argv: [/bin/true]

  - id: two
    needs: [one]
    command.run: {argv: [/bin/true], creates: /tmp/x}
"""


def test_check_writes_nothing_and_ends_with_1_until_the_files_are_laid_out(runbook):
    path = runbook.write("runbooks/tidy.yml", UNTIDY)
    path.chmod(0o640)
    checked = runbook("fmt", "--check", "--diff")
    assert (checked.status, path.read_text()) == (1, UNTIDY)
    assert "+    command.run: {argv: [/bin/true], creates: /tmp/x}" in checked.out
    assert "would lay out runbooks/tidy.yml" in checked.err
    fingerprint = runbook("plan", "tidy", "--output", "json").json["fingerprint"]
    assert runbook("fmt").status == 0
    assert path.read_text() == TIDY
    assert path.stat().st_mode & 0o777 == 0o640
    again = runbook("fmt", "--check")
    assert (again.status, "all as they should be" in again.err) == (0, True)
    assert runbook("plan", "tidy", "--output", "json").json["fingerprint"] == fingerprint


def test_files_that_are_not_valid_are_all_told_and_keep_none_of_the_others_from_it(runbook):
    tidy = runbook.write("runbooks/tidy.yml", UNTIDY)
    broken = runbook.write("runbooks/broken.yml", "runbook: broken\nsteps: [\n")
    other = runbook.write("runbooks/other.yml", "a: {\n")
    odd = runbook.write("runbooks/odd.yml", "one:x\ntwo:x\n")
    given = {path: path.read_text() for path in (broken, other, odd)}
    for options, text in ((["--check"], UNTIDY), ([], TIDY), ([], TIDY)):
        done = runbook("fmt", *options)
        assert done.status == 3
        for words in ("runbooks/broken.yml:3:1", "runbooks/other.yml:2:1", "3 files are left", "odd.yml is left"):
            assert words in done.err, done.err
        assert tidy.read_text() == text
    assert {path: path.read_text() for path in given} == given


def test_what_cannot_be_laid_out_is_told_and_left_alone(runbook):
    text = "runbook: odd\nsteps:\n  - id: a\n    command.run: {argv: [/bin/true, # why\n      x]}\n"
    path = runbook.write("runbooks/odd.yml", text)
    done = runbook("fmt", "runbooks/odd.yml")
    assert (done.status, path.read_text()) == (3, text)
    assert "runbooks/odd.yml is left as it is: a comment" in done.err


def test_what_is_no_file_of_the_project_is_left_alone(runbook, tmp_path_factory):
    """Any text is YAML to a parser, and would be one line afterwards."""
    text, other = "one:x\ntwo:x\n", tmp_path_factory.mktemp("elsewhere") / "other.yml"
    other.write_text("a:   1\n")
    notes = runbook.write("notes.yml", text)
    link = runbook.root / "runbooks" / "link.yml"
    link.symlink_to(other)
    for path, why in (
        (notes, "neither a mapping nor a list"),
        (other, "not in the project"),
        (link, "out of the project"),
    ):
        done = runbook("fmt", str(path))
        assert (done.status, why in done.err) == (3, True), done.err
    assert runbook("fmt").status == 3
    assert (notes.read_text(), other.read_text()) == (text, "a:   1\n")


@pytest.mark.parametrize(
    ("given", "status", "out"),
    [(UNTIDY.encode(), 0, TIDY), (b"a: [", 3, ""), (b"\xff\xfea", 3, ""), (b"", 0, ""), (b"# alone\n", 0, "# alone\n")],
)
def test_a_text_from_an_editor_comes_back_laid_out(runbook, given, status, out):
    done = subprocess.run(
        [sys.executable, "-m", "runbook_engine.cli.main", "fmt", "-"],
        input=given,
        cwd=runbook.root,
        env=runbook.environment(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.decode()) == (status, out)
    assert b"Traceback" not in done.stderr


def test_the_runbooks_of_the_policy_are_laid_out(runbook):
    root = Path(__file__).parents[3]
    done = runbook("fmt", "--check", cwd=root)
    assert done.status == 0, done.err
