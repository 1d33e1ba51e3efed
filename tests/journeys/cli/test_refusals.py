"""What is refused before anything is done, and the hint that goes with it."""

import pytest

GATED = """\
runbook: gated
steps:
  - id: ask
    gate.approval: {roles: [director], message: go}
"""


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("runs", "-n", "99999999999999999999999"), 2, "-n"),
        (("run", "restore-settings", "--forks", "99999999999999999999999"), 2, "--forks"),
        (("init", ""), 2, "DIR"),
        (("report", "last", "-o", ""), 2, "empty"),
        (("schema", "-o", ""), 2, "empty"),
        (("plan", "restore-settings", "-i", ""), 3, "inventory"),
        (("validate", ""), 3, "no runbook"),
        (("run", "restore-settings", "--yes", "--as", "dano"), 3, 'did you mean "dana"'),
    ],
)
def test_refused_with_a_reason(runbook, words, status, says):
    called = runbook(*words)
    assert called.status == status, called.err
    assert says in called.out + called.err
    assert not (runbook.root / ".runbook/journal.db").exists()


def test_a_resumer_must_be_somebody_of_the_team(runbook):
    runbook("run", "restore-settings", "-e", "ask=true", "--yes")
    refused = runbook("resume", "--yes", "--as", "dano")
    assert refused.status == 3
    assert 'did you mean "dana"' in refused.err


def test_a_wrong_input_is_not_explained_by_validate(runbook):
    called = runbook("plan", "restore-settings", "-e", "foo=1")
    assert called.status == 3
    assert "runbook validate" not in called.err


def test_a_gate_without_a_team_is_found_everywhere(runbook):
    runbook.write("runbooks/gated.yml", GATED)
    (runbook.root / "team.yml").unlink()
    for words in (("validate",), ("validate", "gated"), ("plan", "gated"), ("run", "gated", "--yes")):
        called = runbook(*words)
        assert called.status == 3, words
        assert "RB208" in called.out + called.err


@pytest.mark.parametrize(
    "name",
    [
        "runbooks",
        "runbooks/restore-settings.yml",
        "team.yml",
        "inventories",
        "inventories/local",
        "inventories/local/hosts.yml",
    ],
)
def test_what_everybody_may_write_is_refused(runbook, name):
    path = runbook.root / name
    path.chmod(path.stat().st_mode | 0o020)
    assert runbook("plan", "restore-settings").status == 0, "a group may share its files"
    path.chmod(path.stat().st_mode | 0o002)
    for words in (("plan", "restore-settings"), ("run", "restore-settings", "--yes"), ("validate",)):
        called = runbook(*words)
        assert called.status == 3, words
        assert "chmod o-w" in called.err + called.out


def test_a_link_out_of_the_project_is_never_read(runbook, tmp_path):
    secret = tmp_path / "secret.yml"
    secret.write_text("runbook: leak\npassword: hunter2\nsteps: []\n")
    (runbook.root / "runbooks/leak.yml").symlink_to(secret)
    for words in (
        ("run", "leak", "--yes"),
        ("plan", "leak"),
        ("plan", "runbooks/leak.yml"),
        ("validate", "leak"),
        ("validate", "runbooks/leak.yml"),
        ("validate",),
        ("graph", "leak"),
    ):
        called = runbook(*words)
        assert called.status == 3, words
        assert "out of the project" in called.out + called.err
        assert "password" not in called.out + called.err
    (runbook.root / "runbooks/leak.yml").unlink()
    (runbook.root / "runbooks/leak.yml").symlink_to("restore-settings.yml")
    assert "out of the project" not in runbook("validate", "leak").out
    outside = tmp_path / "restore-settings.yml"
    outside.write_text((runbook.root / "runbooks/restore-settings.yml").read_text())
    assert runbook("plan", str(outside)).status == 0, "a path outside, said by the user"


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n"])
def test_whatever_lies_below_runbooks_is_taken_for_a_runbook(runbook, text):
    runbook.write("runbooks/odd.yml", text)
    for words in (("validate", "runbooks/odd.yml"), ("validate", "odd"), ("validate",)):
        called = runbook(*words)
        assert called.status == 3, words
        assert "RB101" in called.out


def test_a_folder_is_no_runbook(runbook):
    (runbook.root / "runbooks/odd.yml").mkdir()
    assert runbook("validate", "runbooks/odd.yml").status == 3
    assert runbook("validate").status == 3


def test_what_is_neither_runbook_nor_inventory_is_not_called_valid(runbook, tmp_path):
    words = tmp_path / "shadow"
    words.write_text("root:*:19000:0:99999:7:::\n")
    called = runbook("validate", str(words))
    assert called.status == 3
    assert "neither a runbook nor an inventory" in called.err
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("[web]\nweb1\n")
    assert runbook("validate", str(inventory)).status == 0


def test_the_loser_of_two_runs_is_told_to_watch(runbook):
    runbook.write(
        "runbooks/slow.yml",
        f"runbook: slow\nsteps:\n  - id: one\n    command.run: {{argv: [/bin/sh, -c, 'touch begun; sleep 4'], "
        f"cwd: {runbook.root}}}\n",
    )
    first = runbook.start("run", "slow", "--yes")
    for _ in iter(lambda: (runbook.root / "begun").exists() or first.poll() is not None, True):
        pass
    lost = runbook("run", "slow", "--yes")
    first.communicate(timeout=120)
    assert lost.status == 5, lost.err
    assert "--take-over" not in lost.err
    assert "runbook status" in lost.err
