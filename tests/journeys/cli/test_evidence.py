"""`runbook audit export` and `check`: a run in one signed file, which an auditor checks on another machine."""

import gzip
import hashlib
import io
import json
import re
import shutil
import sqlite3
import subprocess
import tarfile
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
from support.person_keys import make_key

BOOK = """\
runbook: told
title: A run with everything that an auditor asks about
policy: [BCDR-7, BCDR-9]
inputs:
  token: {default: "x"}
steps:
  - id: declare
    gate.approval: {roles: [director], message: "go on?"}
  - id: work
    needs: [declare]
    command.run:
      shell: "echo out of work; echo err of work >&2; echo $TOKEN"
      environment: {TOKEN: "{{ secret('env:TOKEN') }}"}
  - id: verify
    needs: [work]
    assert.that: {that: ["1 == 1"]}
"""
SECRET = "hunter2hunter2"


@pytest.fixture
def project(runbook, tmp_path_factory):
    """A project with one run that is over; `bundle` is made of it."""
    runbook.write("runbooks/told.yml", BOOK)
    began = runbook("run", "told", "--yes", TOKEN=SECRET)
    assert began.status == 4, began.err
    assert runbook("approve", "last", "declare", "--as", "dana", "--reason", "gone").status == 0
    assert runbook("resume", "--yes", TOKEN=SECRET).status == 0
    return runbook


@pytest.fixture
def bundle(project):
    done = project("audit", "export", "last", "-o", "evidence.tar.gz", "--as", "dana", "--output", "json")
    assert done.status == 0, done.err
    assert hashlib.sha256((project.root / "evidence.tar.gz").read_bytes()).hexdigest() == done.json["sha256"]
    return project.root / "evidence.tar.gz"


@pytest.fixture
def check(project, tmp_path):
    """Checks a bundle in a folder that belongs to no project."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    return lambda bundle, *words: project("audit", "check", str(bundle), *words, cwd=elsewhere)


def unpacked(bundle, into) -> Path:
    with tarfile.open(bundle) as tar:
        tar.extractall(into, filter="data")
    (folder,) = Path(into).iterdir()
    return folder


def packed(folder: Path, to: Path) -> Path:
    with tarfile.open(to, "w:gz") as tar:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            tar.add(path, f"{folder.name}/{path.relative_to(folder)}")
    return to


def resigned(folder: Path, key) -> None:
    """Compute the sums anew and sign them with another key, as a forger would."""
    names = sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())
    kept = [name for name in names if name not in {"SHA256SUMS", "SHA256SUMS.sig"}]
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in kept]
    (folder / "SHA256SUMS").write_text("".join(lines))
    (folder / "SHA256SUMS.sig").write_text(key.sign((folder / "SHA256SUMS").read_bytes(), "runbook-evidence"))


def test_an_auditor_checks_it_without_the_project(project, bundle, check):
    signer = project.root / ".runbook/evidence_key.pub"
    done = check(bundle, "--signer", str(signer), "--output", "json")
    assert done.status == 0, done.out
    told = done.json
    run = project("runs", "--output", "json").json[0]["id"]
    assert (told["intact"], told["run"], told["runbook"], told["status"]) == (True, run, "told", "succeeded")
    assert (told["known"], told["exported_by"]["name"], told["problems"]) == ("runbook evidence", "dana", [])
    assert (project.root / ".runbook/evidence_key").stat().st_mode & 0o777 == 0o600
    unnamed = check(bundle)
    assert (unnamed.status, "whose the key is was not looked at" in unnamed.err) == (0, True)


def test_it_has_what_the_run_left_and_no_secret(project, bundle, tmp_path):
    folder = unpacked(bundle, tmp_path / "x")
    inside = json.loads((folder / "manifest.json").read_text())
    outputs = {one["stream"]: (folder / one["name"]).read_text() for one in inside["outputs"]}
    assert outputs["stderr"] == "err of work\n"
    assert outputs["stdout"].startswith("out of work\n")
    kept = {one["name"]: one for one in inside["inputs"]}
    assert (folder / kept["runbooks/told.yml"]["kept"]).read_text() == BOOK
    assert [one["why"] for name, one in kept.items() if name.startswith("inventories/")] == [
        "inventories may hold secrets"
    ]
    index = json.loads((folder / "controls.json").read_text())
    assert [one["control"] for one in index] == ["BCDR-7", "BCDR-9"]
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    kinds = {event["seq"]: event["event"]["kind"] for event in events}
    assert [kinds[seq] for seq in index[0]["approvals"]] == ["gate.approved"]
    assert [events[seq - 1]["event"]["task"] for seq in index[0]["verifications"]] == ["verify@localhost"]
    for path in (one for one in folder.rglob("*") if one.is_file()):
        assert SECRET.encode() not in path.read_bytes(), path


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_its_own_guide_works_with_public_tools_alone(bundle, tmp_path):
    folder = unpacked(bundle, tmp_path / "x")
    guide = (folder / "README.txt").read_text()
    commands = [textwrap.dedent(block) for block in re.findall(r"(?:^    \S.*\n(?:^    .*\n)*)", guide, re.MULTILINE)]
    (sums, signature, chain) = [one for one in commands if not one.startswith("runbook")]
    done = [
        subprocess.run(["bash", "-ec", one], cwd=folder, capture_output=True, text=True, check=False)
        for one in (sums, signature, chain)
    ]
    assert [one.returncode for one in done] == [0, 0, 0], [one.stderr for one in done]
    assert "Good" in done[1].stdout
    assert done[2].stdout.strip() == json.loads((folder / "manifest.json").read_text())["head"]


def test_any_changed_file_is_named(bundle, check, tmp_path):
    folder = unpacked(bundle, tmp_path / "x")
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        kept = path.read_bytes()
        path.write_bytes(bytes([kept[0] ^ 1]) + kept[1:])
        done = check(packed(folder, tmp_path / "changed.tar.gz"))
        assert done.status == 6, path
        assert path.name in done.out or path.name.startswith("SHA256SUMS"), done.out
        path.write_bytes(kept)
    (folder / "manifest.json").rename(tmp_path / "manifest.json")
    removed = check(packed(folder, tmp_path / "changed.tar.gz"))
    assert (removed.status, "manifest.json was removed" in removed.out) == (6, True)
    (tmp_path / "manifest.json").rename(folder / "manifest.json")
    (folder / "more.txt").write_text("x")
    added = check(packed(folder, tmp_path / "changed.tar.gz"))
    assert (added.status, "more.txt was added" in added.out) == (6, True)


def _in_events(old: str, new: str):
    return lambda folder: _replace(folder / "events.jsonl", old, new)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _in_manifest(old: str, new: str):
    return lambda folder: _replace(folder / "manifest.json", old, new)


def _cut(folder: Path) -> None:
    path = folder / "events.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


FORGERIES = {
    "an event": (_in_events('"reason":"gone"', '"reason":"good"'), "the chain ends with"),
    "the end": (_cut, "the chain ends with"),
    "the form of an event": (_in_events('"seq":1,', '"seq": 1,'), "otherwise than a journal writes it"),
    "output": (lambda folder: _replace(next(folder.glob("outputs/*.stdout")), "out of", "ok of"), "captured stdout"),
    "a report": (lambda folder: _replace(folder / "report.html", "dana", "dora"), "report.html tells something else"),
    "the report": (
        lambda folder: _replace(folder / "report.json", '"dana"', '"dora"'),
        "report.json tells something else",
    ),
    "an input": (lambda folder: _replace(folder / "inputs/runbooks/told.yml", "go on?", "stop?"), "is not the file"),
    "the run": (
        _in_manifest('"status": "succeeded"', '"status": "failed"'),
        "says status failed, the events succeeded",
    ),
    "its mode": (_in_manifest('"mode": "live"', '"mode": "drill"'), "says mode drill, the events live"),
    "its beginning": (_in_manifest('"opened_at": "2', '"opened_at": "1'), "says opened_at"),
    "the manifest's form": (_in_manifest('"events": 12', '"events": "12"'), "manifest.json is not one"),
    "the index": (lambda folder: (folder / "controls.json").write_text("[]"), "controls.json tells something else"),
    "the index's form": (lambda folder: (folder / "controls.json").write_bytes(b"\xff"), "controls.json tells"),
    "another input": (lambda folder: (folder / "inputs/more").write_text("x"), "belongs to no event"),
}


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
@pytest.mark.parametrize("what", FORGERIES)
def test_who_signs_a_forgery_anew_is_found_out(what, bundle, check, tmp_path):
    forge, problem = FORGERIES[what]
    folder = unpacked(bundle, tmp_path / "x")
    forge(folder)
    forger = make_key(tmp_path / "forger")
    resigned(folder, forger)
    done = check(packed(folder, tmp_path / "forged.tar.gz"))
    assert done.status == 6
    assert problem in done.out


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_a_bundle_by_another_key_is_not_by_the_known_one(project, bundle, check, tmp_path):
    folder = unpacked(bundle, tmp_path / "x")
    forger = make_key(tmp_path / "forger")
    resigned(folder, forger)
    forged = packed(folder, tmp_path / "forged.tar.gz")
    known = check(forged, "--signer", str(project.root / ".runbook/evidence_key.pub"))
    assert (known.status, "none of the keys that may have signed it" in known.out) == (6, True)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_what_another_version_made_is_said_not_to_be_compared(bundle, check, tmp_path):
    folder = unpacked(bundle, tmp_path / "x")
    version = json.loads((folder / "manifest.json").read_text())["engine_version"]
    _replace(folder / "manifest.json", version, "9.9")
    (folder / "report.html").write_text("evil")
    resigned(folder, make_key(tmp_path / "forger"))
    done = check(packed(folder, tmp_path / "other.tar.gz"))
    assert (done.status, "made by version 9.9, and not made again" in done.err) == (0, True)
    assert check(tmp_path / "other.tar.gz", "--strict").status == 6


def test_what_stands_behind_its_end_is_refused(bundle, check, tmp_path):
    twice = tmp_path / "twice.tar.gz"
    twice.write_bytes(2 * bundle.read_bytes())
    done = check(twice)
    assert (done.status, "something behind its end" in done.out) == (6, True)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
@pytest.mark.parametrize("time", ["9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59", "nonsense"])
def test_a_time_that_is_none_is_damage(time, bundle, check, tmp_path):
    folder = unpacked(bundle, tmp_path / "x")
    lines = (folder / "events.jsonl").read_text().splitlines()
    lines[0] = re.sub(r'"time":"[^"]*"}$', f'"time":"{time}"}}', lines[0])
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = manifest["genesis"]
    for line in lines:
        digest = hashlib.sha256((digest + line).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({**manifest, "head": digest}))
    resigned(folder, make_key(tmp_path / "forger"))
    done = check(packed(folder, tmp_path / "forged.tar.gz"))
    assert (done.status, "event 1: " in done.out) == (6, True), (done.out, done.err)


def test_the_projects_key_is_its_owners_and_is_not_replaced_in_silence(project, bundle):
    key = project.root / ".runbook/evidence_key"
    for mode in (0o640, 0o604):
        key.chmod(mode)
        open_to_others = project("audit", "export", "last", "-o", "x.tar.gz")
        assert (open_to_others.status, "may be read by others" in open_to_others.err) == (1, True)
    key.unlink()
    gone = project("audit", "export", "last", "-o", "x.tar.gz")
    assert (gone.status, "key for evidence is gone" in gone.err) == (1, True)
    key.with_name("evidence_key.pub").unlink()
    assert project("audit", "export", "last", "-o", "x.tar.gz").status == 0


def hostile(**member):
    """A tar file with one member that no bundle has."""
    data = member.pop("data", b"x")
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        info = tarfile.TarInfo(member.pop("name", "a/b"))
        info.size = len(data)
        for name, value in member.items():
            setattr(info, name, value)
        tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def huge_header() -> bytes:
    """A header that says of the next one more than memory should be spent on."""
    info = tarfile.TarInfo("a/b")
    info.type, info.size = tarfile.XHDTYPE, 1 << 40
    return gzip.compress(info.tobuf(tarfile.USTAR_FORMAT if info.size < 8**11 else tarfile.GNU_FORMAT) + b"\0" * 4096)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not even gzip",
        gzip.compress(b"no tar at all" * 100),
        gzip.compress(b""),
        hostile(name="/etc/passwd"),
        hostile(name="a/../../b"),
        hostile(name="b"),
        hostile(type=tarfile.SYMTYPE, linkname="/etc/passwd", data=b""),
        hostile(type=tarfile.LNKTYPE, linkname="a/c", data=b""),
        hostile(type=tarfile.CHRTYPE, data=b""),
        hostile(name="a/SHA256SUMS"),
        hostile(name="a/" + "b" * 5000),
        huge_header(),
    ],
    ids=range(13),
)
def test_what_is_no_bundle_is_refused_and_leads_nowhere(content, runbook, tmp_path):
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(content)
    done = runbook("audit", "check", str(path), cwd=tmp_path)
    assert done.status == 6, (done.out, done.err)
    assert done.out.startswith("damaged: ")
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == ["bundle.tar.gz"]


def test_a_part_larger_than_any_bundle_has_is_not_unpacked(runbook, tmp_path):
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(hostile(name="a/SHA256SUMS.sig", data=b"\n" * (1 << 20)))
    done = runbook("audit", "check", str(path), cwd=tmp_path)
    assert (done.status, "SHA256SUMS.sig is larger than" in done.out) == (6, True)


def test_one_that_is_cut_anywhere_is_refused(bundle, check, tmp_path):
    whole = bundle.read_bytes()
    for end in range(0, len(whole) - 1, len(whole) // 12):
        path = tmp_path / "cut.tar.gz"
        path.write_bytes(whole[:end])
        assert check(path).status == 6, end


def test_a_damaged_record_is_not_made_into_evidence(project):
    with closing(sqlite3.connect(project.root / ".runbook/journal.db")) as journal, journal:
        journal.execute("UPDATE events SET body = replace(body, 'gone', 'good') WHERE kind = 'gate.approved'")
    done = project("audit", "export", "last", "-o", "evidence.tar.gz")
    assert (done.status, "is damaged, and is not made into evidence" in done.err) == (6, True)
    assert not (project.root / "evidence.tar.gz").exists()


def test_mistakes_are_told(project, tmp_path):
    for words, status, said in [
        (("export", "nosuch"), 2, "there is no run"),
        (("export", "last", "-o", "no/such/folder/x"), 2, "can't be written"),
        (("export", "last", "--key", "team.yml"), 2, "is no SSH key"),
        (("check", "nosuch"), 2, "can't be read"),
        (("check", "team.yml", "--signer", "team.yml"), 2, "has no public key"),
        (("check", "."), 2, "can't be read"),
    ]:
        done = project("audit", *words)
        assert (done.status, said in done.err) == (status, True), (words, done.err)
    assert [one for one in project.root.iterdir() if "evidence" in one.name] == []


def test_a_run_that_waits_is_exported_as_far_as_it_is(runbook, tmp_path):
    runbook.write("runbooks/told.yml", BOOK)
    assert runbook("run", "told", "--yes").status == 4
    assert runbook("audit", "export", "last", "-o", "x.tar.gz").status == 0
    done = runbook("audit", "check", "x.tar.gz", "--output", "json")
    assert (done.status, done.json["status"]) == (0, "open")
