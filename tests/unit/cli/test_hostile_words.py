"""Whatever words a command is given, it ends with a documented exit code, and never as a defect.

Every command that ends by itself is called, with some of its own options, each with a value that means something to it
or nothing to anybody. Nothing here leads out of the test's folder.
"""

import os
import shutil

import click
import pytest
from fuzz.others import fill
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runbook_engine.app.init import init_project
from runbook_engine.cli.main import cli, run_cli
from runbook_engine.model.errors import ExitCode

DEPTH = "a/b/c"  # so that a path that leads upwards stays in the test's folder
# These serve until they are told to stop, ask at the terminal's own device, or change more than the project's folder.
NOT_CALLED = {("serve",), ("worker",), ("watch",), ("lab", "up"), ("lab", "down"), ("lab", "break"), ("lab", "mend")}
NOT_GIVEN = {"--yes", "--detach", "--passphrase", "--notify", "--wait"}
RUN = "20261126-0202-b"
VALUES = (
    *("", " ", "\x1b[2J", "\u202e", "é", "\udcff", "x" * 5000, "{{ x }}", "%s", "\n", "'", '"', "-x", "--"),
    *(
        "0",
        "-1",
        "1.5",
        "nan",
        "1e999",
        "9" * 30,
        "9" * 5000,
        "0x" + "f" * 5000,
        "²",
        "5m",
        "-5m",
        "9" * 30 + "d",
        "1:30",
    ),
    *(
        "2026-11-26",
        "2026-13-45",
        "0001-01-01",
        "9999-12-31",
        "last",
        "@failed",
        "@",
        "@nowhere",
        "@team.yml",
        "@.",
        "*",
    ),
    *(
        "a=b",
        "=",
        "a==b",
        "a={",
        "a=[1",
        "n=0x" + "f" * 5000,
        "a=@team.yml",
        "ask=true",
        "~[",
        "a:&b:!c",
        "web[1:",
        "[",
    ),
    *(RUN, "20261126", "restore-settings", "restore", "declare", "a@h", "local", "localhost", "app", "dana", "nobody"),
    *(
        ".",
        "..",
        "../../nowhere",
        "nowhere/at/all",
        "team.yml",
        "runbook.toml",
        "runbooks",
        "runbooks/restore-settings.yml",
    ),
    *(
        "inventories/local/hosts.yml",
        ".runbook/journal.db",
        "x.json",
        "a/" * 400,
        "a" * 300,
        "file.copy",
        "RB104",
        "rb",
    ),
    *("restore=5m", "restore=x", "sqlite:///x.db", "mysql://x", "http://127.0.0.1:9", "127.0.0.1:99999", "env:NOTHING"),
)


def commands(command, path=()):
    """Give every command that is called, with the words that lead to it."""
    context = click.Context(command)
    if not isinstance(command, click.Group):
        return [] if path in NOT_CALLED else [(path, command)]
    below = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [found for name, one in below for found in commands(one, (*path, name))]


CALLED = commands(cli)


@st.composite
def calls(draw):
    path, command = draw(st.sampled_from(CALLED))
    words = list(path)
    for one in command.params:
        if isinstance(one, click.Argument):
            most = 3 if one.nargs == -1 else 1
            words += draw(st.lists(st.sampled_from(VALUES), min_size=draw(st.integers(0, 9)) > 0, max_size=most))
        elif not NOT_GIVEN & {*one.opts} and (one.opts == ["--once"] or draw(st.integers(0, 3)) == 0):
            words.append(draw(st.sampled_from([*one.opts, *one.secondary_opts])))
            if not one.is_flag:
                known = list(one.type.choices) if isinstance(one.type, click.Choice) else []
                words.append(str(draw(st.sampled_from([*known, *VALUES] if draw(st.booleans()) else known or VALUES))))
    return words


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "project"
    init_project(root, person="dana")
    (root / ".runbook").mkdir(mode=0o700, exist_ok=True)
    fill(root / ".runbook/journal.db")
    return root


@pytest.fixture
def folder(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith(("RUNBOOK", "AWS", "OTEL", "ANSIBLE"))]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "EDITOR": "true", "VISUAL": "true"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("tempfile.tempdir", None)
    nothing = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - closed below
    monkeypatch.setattr("sys.stdin", nothing)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    nothing.close()


@settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(words=calls())
@example(words=["plan", "restore-settings", "-e", "n=0x" + "f" * 5000])
def test_no_words_end_in_a_defect(made, folder, monkeypatch, capsys, words):
    place = folder / DEPTH
    shutil.rmtree(folder / "a", ignore_errors=True)
    shutil.copytree(made, place)
    monkeypatch.chdir(place)
    status = run_cli(words)
    told = capsys.readouterr()
    kept = "".join(path.read_text()[-3000:] for path in folder.rglob("runbook-defect-*"))
    assert status in {*ExitCode} - {ExitCode.DEFECT}, (words, told.err, kept)
    assert "Traceback" not in told.err, (words, told.err)
