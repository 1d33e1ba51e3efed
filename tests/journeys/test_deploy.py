"""The page on deployment: its units are systemd's, its Compose file is whole, its commands are the programme's."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from runbook_engine.cli.main import cli

PAGE = Path(__file__).parents[2] / "docs/how-to/deploy.md"
FENCE = re.compile(r"^```\w+ file=(?P<name>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {found["name"]: found["text"] for found in FENCE.finditer(PAGE.read_text())}
UNITS = [name for name in FILES if name.endswith(".service")]


def accepted(words):
    """Let the programme read a command without doing it."""
    context = click.Context(cli, info_name="runbook")
    command = cli
    while isinstance(command, click.Group):
        command, name = command.get_command(context, words[0]), words.pop(0)
        assert command is not None, name
        context = click.Context(command, info_name=name, parent=context)
    command.parse_args(context, words)
    return True


def test_the_files_are_there():
    assert sorted(FILES) == ["compose.yml", "runbook-serve.service", "runbook-worker@.service"]


@pytest.mark.parametrize("unit", UNITS)
def test_a_units_command_is_the_programmes(unit):
    (line,) = re.findall(r"^ExecStart=(.*)$", FILES[unit], re.MULTILINE)
    program, *words = shlex.split(line.replace("%i", "eu-west-1"))
    assert program == "/opt/runbook/bin/runbook"
    assert accepted(words)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here (Debian: systemd)")
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_the_unit(unit, tmp_path):
    text = FILES[unit].replace("/opt/runbook/bin/runbook", "/bin/true").replace("User=runbook\n", "")
    (tmp_path / unit).write_text(text)
    argv = ["systemd-analyze", "verify", "--man=no", tmp_path / unit]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    about = [line for line in done.stderr.splitlines() if unit.partition("@")[0].removesuffix(".service") in line]
    assert not about, done.stderr


def test_the_compose_file_is_whole_and_its_commands_are_the_programmes():
    compose = yaml.safe_load(FILES["compose.yml"])
    services = compose["services"]
    assert set(compose) == {"services", "volumes", "secrets"}
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services), name
        assert set(service.get("secrets", ())) <= set(compose["secrets"]), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source.startswith("./") or source in compose["volumes"], (name, source)
        if name != "database":
            program, *words = service["command"]
            assert program == "runbook"
            assert accepted(words), name
    built = [name for name, service in services.items() if "build" in service]
    images = {service["image"] for service in services.values()}
    assert built == ["prepare"]
    assert images == {"postgres:15", "runbook-engine:local"}


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="no docker-compose here")
def test_compose_takes_the_file(tmp_path):
    (tmp_path / "compose.yml").write_text(FILES["compose.yml"])
    argv = ["docker-compose", "-f", tmp_path / "compose.yml", "config", "--quiet"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
