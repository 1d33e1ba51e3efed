"""Age files by the command line: made, edited without a trace, encrypted anew, and opened before a run begins."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pyrage
import pytest
from support.age_by_passphrase import by_passphrase
from support.at_terminal import at_terminal

KEY = pyrage.x25519.Identity.generate()
LATER = pyrage.x25519.Identity.generate()
PLAIN = "smtp: hush-hush-1\n"
BOOK = """\
runbook: book
steps:
  - {id: first, command.run: {argv: [touch, begun]}}
  - id: second
    needs: [first]
    command.run: {shell: 'test "$P" = hush-hush-1'}
    environment: {P: "{{ secret('age:secrets/all.yml.age#smtp') }}"}
"""


@pytest.fixture
def project(runbook, tmp_path, monkeypatch):
    for name, key in (("key", KEY), ("later", LATER)):
        (tmp_path / name).write_text(f"{key}\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RUNBOOK_AGE_IDENTITIES", raising=False)
    config = runbook.root / "runbook.toml"
    configure(config, [KEY.to_public()])
    config.write_text(config.read_text() + f'identities = ["{tmp_path / "key"}"]\n')
    runbook.write("runbooks/book.yml", BOOK)
    runbook.write("plain.yml", PLAIN)
    return runbook


def configure(config, recipients):
    text = config.read_text().partition("[secrets]")[0]
    keys = ", ".join(f'"{key}"' for key in recipients)
    config.write_text(f"{text}\n[secrets]\nrecipients = [{keys}]\n")


def encrypted(project):
    (project.root / "secrets").mkdir()
    done = project("secrets", "encrypt", "plain.yml", "-o", "secrets/all.yml.age")
    assert done.status == 0, done.err
    return project.root / "secrets" / "all.yml.age"


def opened(path, key=KEY):
    return pyrage.decrypt(path.read_bytes(), [key]).decode()


def test_encrypt_then_run_with_it(project):
    path = encrypted(project)
    assert opened(path) == PLAIN
    assert path.stat().st_mode & 0o777 == 0o600
    done = project("run", "book", "--yes")
    assert done.status == 0, done.err
    again = project("secrets", "encrypt", "plain.yml", "-o", "secrets/all.yml.age")
    assert (again.status, opened(path)) == (2, PLAIN)
    assert "is there already" in again.err


@pytest.mark.parametrize("damage", ["wrong key", "truncated", "flipped", "no such field"])
def test_a_bad_age_file_stops_the_run_before_its_first_step(project, damage):
    path = encrypted(project)
    environment = {}
    if damage == "wrong key":
        environment["RUNBOOK_AGE_IDENTITIES"] = str(project.root.parent / "later")
    elif damage == "no such field":
        project.write("runbooks/book.yml", BOOK.replace("#smtp", "#stmp"))
    else:
        content = pyrage.encrypt(PLAIN.encode(), [KEY.to_public()])
        path.write_bytes(content[:-3] if damage == "truncated" else content[:-1] + bytes([content[-1] ^ 1]))
    for mode in ([], ["--dry-run"]):
        done = project("run", "book", "--yes", *mode, **environment)
        assert done.status == 1, done.err
        assert "step second: " in done.err
        assert "nothing was begun" in done.err
        assert "hush" not in done.err + done.out
    assert not (project.root / "begun").exists()
    assert project("runs").out == ""


def test_validate_and_doctor_say_what_is_missing_and_open_nothing(project):
    found = project("validate", "book", "--format", "json")
    assert found.status == 3
    assert "RB220" in found.out
    lines = [check for check in project("doctor", "--output", "json").json if check["name"] == "secrets"]
    assert "age:secrets/all.yml.age#smtp" in lines[0]["text"]
    encrypted(project)
    assert project("validate", "book").status == 0
    lines = [check for check in project("doctor", "--output", "json").json if check["name"] == "secrets"]
    assert [line["level"] for line in lines] == ["ok"]
    nobody = project("doctor", "--output", "json", RUNBOOK_AGE_IDENTITIES="/nonexistent/key").json
    assert any("/nonexistent/key" in check["text"] for check in nobody if check["name"] == "secrets")


def editor(project, body):
    path = project.write("editor", f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return {"EDITOR": str(path), "VISUAL": ""}


def test_edit_changes_a_file_and_leaves_nothing(project):
    path = encrypted(project)
    path.chmod(0o644)
    before = path.read_bytes()
    seen = project.root / "seen"
    modes = f'stat -c %a "$1" "$(dirname "$1")" >{seen}'
    same = project("secrets", "edit", str(path), **editor(project, modes))
    assert same.status == 0
    assert seen.read_text().split() == ["600", "700"]
    assert path.read_bytes() == before
    assert "not changed" in same.err
    changed = project("secrets", "edit", str(path), **editor(project, f'echo "smtp: other" >"$1"; echo "$1" >{seen}'))
    assert changed.status == 0, changed.err
    assert opened(path) == "smtp: other\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert seen.read_text().strip().endswith("/all.yml")
    assert not Path(seen.read_text().strip()).parent.exists()


def test_edit_makes_a_new_file(project):
    new = project.root / "new.age"
    assert project("secrets", "edit", str(new), **editor(project, 'echo new >"$1"')).status == 0
    assert opened(new) == "new\n"


def test_edit_makes_the_folder_of_a_new_file(project):
    done = project("secrets", "edit", "far/away/new.age", **editor(project, 'echo new >"$1"'))
    assert done.status == 0, done.err
    assert opened(project.root / "far/away/new.age") == "new\n"


def test_a_place_that_can_hold_no_file_is_refused_before_anybody_types(project):
    project.write("plain", "a file")
    touched = editor(project, f"touch {project.root}/opened")
    for place in ("plain/new.age", "secrets", "plain/a/b.age"):
        (project.root / "secrets").mkdir(exist_ok=True)
        done = project("secrets", "edit", place, **touched)
        assert (done.status, (project.root / "opened").exists()) == (2, False), done.err


def test_a_private_key_given_for_a_public_one_is_not_printed(project):
    key = str(pyrage.x25519.Identity.generate())
    done = project("secrets", "encrypt", "plain.yml", "-r", key)
    assert (done.status, "private key" in done.err) == (1, True)
    assert not any(key[at : at + 12] in done.err + done.out for at in range(0, len(key) - 12, 4))


def test_what_became_of_the_plaintext_is_said_as_it_is(project):
    first = project("secrets", "encrypt", "plain.yml")
    assert "plain.yml is still there in clear" in first.err
    twice = project("secrets", "encrypt", "plain.yml.age")
    assert "plain.yml.age is still there" in twice.err
    assert "in clear" not in twice.err
    over = project("secrets", "encrypt", "plain.yml", "-o", "plain.yml", "--force")
    assert (over.status, "still there" in over.err) == (0, False)


def test_an_editor_that_fails_changes_nothing(project):
    path = encrypted(project)
    before = path.read_bytes()
    for body in ('echo x >"$1"; exit 3', 'rm "$1"', 'rm "$1"; ln -s /etc/passwd "$1"'):
        assert project("secrets", "edit", str(path), **editor(project, body)).status == 1
        assert path.read_bytes() == before
    gone = project("secrets", "edit", str(path), EDITOR="/nonexistent/editor", VISUAL="")
    assert (gone.status, path.read_bytes()) == (2, before)


def test_what_somebody_else_wrote_meanwhile_is_left_alone(project):
    path = encrypted(project)
    theirs = pyrage.encrypt(b"theirs", [KEY.to_public()], armored=True)
    project.root.joinpath("theirs").write_bytes(theirs)
    done = project("secrets", "edit", str(path), **editor(project, f'echo mine >"$1"; cp theirs {path}'))
    assert done.status == 1
    assert path.read_bytes() == theirs
    assert opened(path.with_name("all.yml.yours.age")) == "mine\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_plaintext_is_gone_when_the_command_is_killed(project, number):
    path = encrypted(project)
    place = project.root / "place"
    body = f'echo "$$ $1" >{place}; exec sleep 60'
    process = project.start("secrets", "edit", str(path), **editor(project, body))
    wait(lambda: place.exists() and place.read_text().strip())
    pid, name = place.read_text().split()
    file = Path(name)
    assert file.read_text() == PLAIN
    assert filesystem(file.parent) in {"tmpfs", "ramfs"}
    os.kill(process.pid, number)
    wait(lambda: not file.parent.exists())
    with contextlib.suppress(ProcessLookupError):  # told to end, the command ends its editor
        os.kill(int(pid), signal.SIGKILL)
    process.communicate()
    for left in project.root.rglob("*"):
        known = left.name in {"plain.yml", "book.yml"}
        assert known or not left.is_file() or b"hush-hush" not in left.read_bytes(), left


def filesystem(folder):
    return subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True).stdout.strip()


def wait(true):
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_rekey_lets_others_in_and_locks_out(project, tmp_path):
    path = encrypted(project)
    second = project.root / "secrets" / "more.age"
    second.write_bytes(pyrage.encrypt(b"more", [KEY.to_public()]))
    locked = project.root / "secrets" / "locked.age"
    locked.write_bytes(by_passphrase(b"x", "open it"))
    identities = f'identities = ["{tmp_path / "key"}"]\n'
    config = project.root / "runbook.toml"
    configure(config, [LATER.to_public()])
    config.write_text(config.read_text() + identities)
    before = locked.read_bytes()
    done = project("secrets", "rekey")
    assert done.status == 0, done.err
    assert sorted(done.out.split()) == ["secrets/all.yml.age", "secrets/more.age"]
    assert (opened(path, LATER), opened(second, LATER)) == (PLAIN, "more")
    assert locked.read_bytes() == before
    refused = project("secrets", "rekey")
    assert refused.status == 1
    assert "not made for the identity here" in refused.err


def test_rekey_is_all_or_nothing(project):
    path = encrypted(project)
    before = path.read_bytes()
    (project.root / "secrets" / "zz.age").write_bytes(pyrage.encrypt(b"x", [LATER.to_public()]))
    assert project("secrets", "rekey").status == 1
    assert path.read_bytes() == before


def test_a_role_stands_for_the_keys_of_its_people(project, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "id"], check=True)
    public = (tmp_path / "id.pub").read_text().strip()
    people = f'people:\n  eve: {{name: Eve, roles: [director], ssh_keys: ["{public}"]}}\n'
    project.write("team.yml", (project.root / "team.yml").read_text().replace("people:\n", people, 1))
    configure(project.root / "runbook.toml", ["role:director"])
    path = encrypted(project)
    key = pyrage.ssh.Identity.from_buffer((tmp_path / "id").read_bytes())
    assert pyrage.decrypt(path.read_bytes(), [key]).decode() == PLAIN
    configure(project.root / "runbook.toml", ["role:directors"])
    wrong = project("secrets", "rekey")
    assert wrong.status == 3
    assert "director" in wrong.err


def test_nobody_to_encrypt_for(project):
    configure(project.root / "runbook.toml", [])
    done = project("secrets", "encrypt", "plain.yml")
    assert done.status == 1
    assert "nobody to encrypt for" in done.err


def test_from_the_standard_input(project):
    argv = project.argv("secrets", "encrypt", "-", "-o", "new.age")
    done = subprocess.run(argv, cwd=project.root, env=project.environment(), input=b"piped", check=False)
    assert done.returncode == 0
    assert opened(project.root / "new.age") == "piped"
    assert project("secrets", "encrypt", "-").status == 2


def test_a_passphrase_is_asked_for_before_the_run(project):
    (project.root / "secrets").mkdir()
    (project.root / "secrets" / "all.yml.age").write_bytes(by_passphrase(PLAIN.encode(), "open it"))
    nobody = project("run", "book", "--yes")
    assert nobody.status == 1
    assert "has a passphrase" in nobody.err
    assert not (project.root / "begun").exists()
    answers = [("Passphrase of", "wrong\n"), ("Passphrase of", "open it\n")]
    shown, status = at_terminal(project, "run", "book", "--yes", answers=answers)
    assert status == 0, shown
    assert "open it" not in shown
    assert "hush" not in shown
