"""runbook.toml: where the project is, what it says, and who may write it."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.loading.config import find_project, load_config
from runbook_engine.loading.toml_source import TomlSyntaxError, read_toml
from runbook_engine.model.errors import ExitCode, InvalidInputError, UsageError


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir(mode=0o755)
    (folder / "runbook.toml").write_text("")
    return folder


def load(tmp_path, text, environment=None):
    (tmp_path / "runbook.toml").write_text(text, newline="")
    config, found = load_config(tmp_path / "runbook.toml", environment or {})
    return config, [(str(item.location), item.rule, item.hint) for item in found]


def test_an_empty_file_is_a_project(project):
    found = find_project(project, {})
    assert found.root == project
    assert found.config.forks == 50
    assert found.config.journal == "sqlite:///.runbook/journal.db"


def test_a_sandbox_is_a_list_of_mail_addresses_or_a_table_of_channels(tmp_path):
    mail, _ = load(tmp_path, 'sandbox = ["drill@example.com"]\n')
    table, _ = load(tmp_path, '[sandbox]\nemail = ["drill@example.com"]\nslack = ["env:SLACK_DRILL"]\n')
    assert mail.sandbox.email == table.sandbox.email == ("drill@example.com",)
    assert table.sandbox.addresses("slack") == ("env:SLACK_DRILL",)


def test_the_nearest_folder_above_is_the_project(project):
    deep = project / "a" / "b"
    deep.mkdir(parents=True)
    assert find_project(deep, {}).root == project
    (project / "a" / "runbook.toml").write_text("forks = 3\n")
    assert find_project(deep, {}).config.forks == 3


def test_no_project_says_how_to_make_one(tmp_path):
    with pytest.raises(UsageError) as caught:
        find_project(tmp_path, {})
    assert caught.value.exit_code is ExitCode.USAGE
    assert "runbook init" in caught.value.hint


@pytest.mark.parametrize("name", [".", "runbook.toml"])
def test_what_everybody_may_write_is_refused(project, name):
    (project / name).chmod(0o777)
    with pytest.raises(InvalidInputError) as caught:
        find_project(project, {})
    assert caught.value.exit_code is ExitCode.INVALID
    assert "chmod o-w" in caught.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_what_belongs_to_another_user_is_refused(project):
    os.chown(project, 12345, 12345)
    with pytest.raises(InvalidInputError, match="belongs to another user"):
        find_project(project, {})


def test_an_invalid_configuration_names_every_mistake(project):
    (project / "runbook.toml").write_text('forks = "many"\ninventroy = "x"\n')
    with pytest.raises(InvalidInputError) as caught:
        find_project(project, {})
    assert "runbook.toml:1:9" in caught.value.message
    assert "runbook.toml:2:1" in caught.value.message


def test_the_environment_names_the_journal(tmp_path):
    config, found = load(tmp_path, 'journal = "sqlite:///a.db"\n', {"RUNBOOK_JOURNAL": "postgresql://u@h/db"})
    assert (config.journal, found) == ("postgresql://u@h/db", [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("forks = 5 5\n", ("runbook.toml:1:11", "RB403")),
        ("inventory = inventories/x\n", ("runbook.toml:1:13", "RB403")),
        ('a = "x\n', ("runbook.toml:1:7", "RB403")),
        ("\r\n\r\nforks = -1\r\n", ("runbook.toml:3:9", "RB104")),
        ("\nfroks = 5\n", ("runbook.toml:2:1", "RB102")),
        ("[limits]\ndepth = 5\nnods = 5\n", ("runbook.toml:3:1", "RB102")),
        ("[limits]\ndepth = 5000\n", ("runbook.toml:2:9", "RB104")),
        ("limits.depth = 0\n", ("runbook.toml:1:16", "RB104")),
        ("limits = {depth = 0}\n", ("runbook.toml:1:10", "RB104")),
        ('dispatcher = "thread"\n', ("runbook.toml:1:14", "RB104")),
        ('[defaults]\n"x.y" = 5\n', ("runbook.toml:2:9", "RB104")),
        ("[defaults.'x.y']\nwhen = nan\n", ("runbook.toml:2:8", "RB403")),
        ("[defaults.'x.y']\nwhen = 2026-01-01\n", ("runbook.toml:2:8", "RB104")),
        ("forks = " + "9" * 5000, ("runbook.toml:1:1", "RB403")),
        ("a = " + "[" * 50_000, ("runbook.toml:1:1", "RB403")),
        ("plugins = 'x'\n", ("runbook.toml:1:11", "RB104")),
        ("\nforks = 0x" + "f" * 5000, ("runbook.toml:2:9", "RB403")),
        ("forks = [0x1ffffffffffffffff]", ("runbook.toml:1:9", "RB403")),
        ("\n" + "a." * 500_000 + "a = 1", ("runbook.toml:2:1", "RB403")),
        ("[" + "a . " * 100_000 + "a]\n", ("runbook.toml:1:2", "RB403")),
        ("x = {" + "a.'b c'." * 50_000 + '"a" = 1}', ("runbook.toml:1:6", "RB403")),
        (f"[{'a.' * 60}a]\n{'b.' * 60}b = 1\n", ("runbook.toml:1:2", "RB403")),
        ("x = " + "[" * 70 + "]" * 70, ("runbook.toml:1:5", "RB403")),
        ("x = '" + "-" * 1_000_000, ("runbook.toml:1:1000006", "RB403")),
    ],
    ids=range(24),
)
def test_mistakes(tmp_path, text, expected):
    config, found = load(tmp_path, text)
    assert config is None
    assert [(place, rule) for place, rule, _ in found] == [expected]


def test_a_misspelt_key_is_suggested(tmp_path):
    _, found = load(tmp_path, "[limits]\nfile_byts = 1\n")
    assert found[0][2] == 'did you mean "file_bytes"?'


def test_a_file_that_is_not_utf8(tmp_path):
    (tmp_path / "runbook.toml").write_bytes(b"# x\n# \xff\n")
    _, found = load_config(tmp_path / "runbook.toml", {})
    assert [(str(item.location), item.rule) for item in found] == [("runbook.toml:2:1", "RB003")]


@given(st.text(alphabet="ab=[]\"'.#{}, \n1-\\", max_size=60))
def test_no_text_crashes_the_reader(text):
    assert 1 <= _first_line(text) <= text.count("\n") + 1


def _first_line(text):
    try:
        return read_toml(text).mark[0]
    except TomlSyntaxError as error:
        return error.mark[0]
