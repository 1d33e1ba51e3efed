"""The lab as a process: its record, and that nothing of it is left when it ends."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys

import pytest

from runbook_engine.lab.addresses import read_lab
from runbook_engine.lab.client import lab_state
from runbook_engine.lab.errors import LabError
from runbook_engine.lab.parent import is_gone


def _ports(lab):
    addresses = [lab.aws_endpoint, lab.status_url, *(app.url for app in lab.apps.values())]
    return [int(address.rpartition(":")[2]) for address in addresses] + [lab.dns.port, lab.smtp.port]


def _refuses(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_the_record_names_everything_and_is_private(tmp_path, running_lab, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")  # the user's own cloud settings must not matter
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    ready = tmp_path / "ready"
    state = tmp_path / "state"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running_lab(state, "--ready-file", str(ready), "--port", f"status={port}") as (lab, process):
        assert lab.status_url == f"http://127.0.0.1:{port}"
        record = state / "lab.json"
        assert ready.read_text().strip() == str(record)
        assert stat.S_IMODE(record.stat().st_mode) == 0o600
        document = json.loads(record.read_text())
        assert document["pid"] == process.pid
        assert document["aws_account"] == "123456789012"
        assert set(document["apps"]) == {"primary-1", "primary-2", "standby-1", "standby-2"}
        assert not any(_refuses(port) for port in _ports(lab))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_however_the_lab_ends(tmp_path, running_lab, wait_until, number):
    with running_lab(tmp_path) as (lab, process):
        children = list(lab_state(lab)["apps"].values())
        assert len(children) == 4
        assert not any(is_gone(pid) for pid in children)
        process.send_signal(number)
        code = process.wait(15)
        wait_until(lambda: all(is_gone(pid) for pid in children))
        wait_until(lambda: all(_refuses(port) for port in _ports(lab)))
    assert code == (-signal.SIGKILL if number is signal.SIGKILL else 0)
    with pytest.raises(LabError, match=r"has ended|no lab is ready"):
        read_lab(tmp_path)
    assert (tmp_path / "lab.json").exists() is (number is signal.SIGKILL)


def test_the_lab_ends_when_its_parent_is_gone(tmp_path, running_lab, wait_until):
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as parent,
        running_lab(tmp_path, "--parent-pid", str(parent.pid)) as (_, process),
    ):
        assert process.poll() is None
        parent.kill()
        wait_until(lambda: process.poll() is not None)
        assert process.returncode == 0
        assert "is gone" in process.stdout.read()


def test_the_lab_ends_when_its_time_is_over(tmp_path):
    command = [sys.executable, "-m", "runbook_engine.lab", "--state", str(tmp_path), "--ttl", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "its time is over" in done.stdout


def test_one_folder_holds_one_lab_at_a_time_and_can_be_used_again(tmp_path, running_lab):
    command = [sys.executable, "-m", "runbook_engine.lab", "--state", str(tmp_path)]
    with running_lab(tmp_path) as (lab, _):
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 2
        assert "a lab is running" in second.stderr
        assert read_lab(tmp_path) == lab
        (lab.apps["standby-1"].dir / "app.json").write_text("{}")
    with running_lab(tmp_path) as (again, _):
        assert not (again.apps["standby-1"].dir / "app.json").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("mine")
    command = [sys.executable, "-m", "runbook_engine.lab", "--state", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "not made by a lab" in done.stderr
    assert (tmp_path / "data" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--break", "mars-1"], "no such region"), (["--port", "aws"], "is not NAME=PORT"), (["--port", "x=1"], "names")],
)
def test_a_wrong_option_is_explained(tmp_path, arguments, said):
    command = [sys.executable, "-m", "runbook_engine.lab", "--state", str(tmp_path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_explained_and_leaves_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "runbook_engine.lab", "--state", str(tmp_path), "--port", f"primary-2={port}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert not (tmp_path / "lab.json").exists()


def test_a_missing_lab_is_explained(tmp_path):
    with pytest.raises(LabError, match="start one with"):
        read_lab(tmp_path)
    (tmp_path / "lab.json").write_text('{"pid": 1}')
    with pytest.raises(LabError, match="not a lab's record"):
        read_lab(tmp_path)


def test_a_living_process_is_not_gone():
    assert not is_gone(os.getpid())
