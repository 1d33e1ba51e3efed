"""jira.export against a fake that is held to Jira's own OpenAPI document, into real folders and moto's S3."""

import hashlib
import json
import tracemalloc
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from support.aws_wire import WireServer
from support.fake_jira import FakeJira
from support.fake_service_desk import EMAIL, TOKEN
from support.plugins import plugin_catalog
from support.vendor_documents import JIRA, document_if_there
from support.vendor_server import busy, half, serve_vendor, unavailable

from runbook_engine.actions.backup_verify import BackupVerify
from runbook_engine.connections.aws import AwsSession
from runbook_engine.connections.local import LocalConnection
from runbook_engine.sdk import ActionFailedError, RunbookError, ServiceUnreachableError
from runbook_engine.testing import FakeConnection
from runbook_engine.testing.context import RUN

HOSTILE = ["../../../etc/cron.d/x", "..", "a/b\\c", "\x00\x1b[2J", "CON", "ä" * 300 + ".pdf", "", "-rf", "x\n.txt"]


@pytest.fixture
def fake():
    return FakeJira()


@pytest.fixture
def server(fake):
    with serve_vendor(fake, document_if_there(JIRA)) as running:
        yield running


@pytest.fixture
def export():
    return plugin_catalog().get("jira.export")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tickets"


@pytest.fixture
def params(server, folder):
    site = {"url": server.url, "email": EMAIL, "token": TOKEN}
    return {"site": site, "jql": "project = HELP", "folder": str(folder)}


@pytest.fixture
def here(web, tmp_path):
    """Make a context of this machine; each is of another attempt unless it is given the same token."""
    counter = iter(range(1000))

    def make(token=None, **hands):
        run = RUN.model_copy(update={"token": token or f"{next(counter):064}"})
        return web(connection=LocalConnection(tmp_path / "home"), run=run, timeout=1e6, **hands)

    return make


def do(action, params, context):
    """Check, apply if need be, check again; gives the last finding and what apply gave."""
    params = action.Params.model_validate(params)
    finding, applied = action.check(params, context.reading(action, params)), None
    if not finding.satisfied:
        applied = action.apply(params, context)
        finding = action.check(params, context.reading(action, params))
        assert finding.satisfied, finding.summary
    return finding, applied


def issue_in(folder, number):
    return json.loads((folder / "issues" / "10" / f"{10_000 + number}.json").read_text())


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def verify(folder, context, **more):
    action = BackupVerify()
    return action.check(action.Params.model_validate({"folder": str(folder), **more}), context)


def test_everything_of_every_issue_is_brought(fake, folder, params, export, here):
    fake.page = 2
    for number in range(1, 8):
        fake.add(number, f"ticket {number} ✓", comments=number * 15, attachments=[("log.txt", b"x" * number)])
    finding, _ = do(export, params, here())
    for number in range(1, 8):
        issue = issue_in(folder, number)
        assert issue["fields"]["summary"] == f"ticket {number} ✓"
        texts = [comment["body"]["text"] for comment in issue["fields"]["comment"]["comments"]]
        assert texts == [f"comment {text}" for text in range(number * 15)]
    assert finding.outputs["issues"] == 7
    assert finding.outputs["comments"] == 15 * 28
    assert finding.outputs["attachments"] == 7
    assert finding.outputs["approximate"] == 7
    assert finding.recovery_point == datetime(2026, 11, 25, 12, tzinfo=UTC)
    manifest = json.loads((folder / "manifest.json").read_text())
    there = files_in(folder)
    assert {file["path"] for file in manifest["files"]} == set(there) - {"manifest.json"}
    for file in manifest["files"]:
        content = there[file["path"]]
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_second_run_changes_nothing(fake, server, folder, params, export, here):
    fake.add(1, comments=30, attachments=[("a", b"1")])
    do(export, params, here())
    before, asked = files_in(folder), len(server.seen)
    _, applied = do(export, params, here())
    assert applied is None
    assert files_in(folder) == before
    assert len(server.seen) == asked + 1


def test_only_what_changed_is_brought(fake, server, folder, params, export, here):
    for number in range(1, 130):
        fake.add(number, attachments=[("a", b"1")])
    do(export, params, here())
    server.seen.clear()
    fake.downloads.clear()
    fake.comment("10005", "more")
    new = fake.attach("10006", "b", b"2")
    fake.add(200)
    finding, applied = do(export, params, here())
    assert finding.outputs["changed"] == 3
    assert "exported 3 issues" in applied.summary
    assert fake.downloads == [new]
    [batch] = [seen.asked["jql"] for seen in server.seen if seen.asked.get("fields") == "*all"]
    assert batch == "id in (10005,10006,10200)"


def test_old_manifest_is_renewed_although_nothing_changed(fake, server, folder, params, export, here):
    fake.add(1)
    do(export, params, here())
    later = here()
    later.clock.advance(7200)
    finding, applied = do(export, params, later)
    assert applied.summary == "nothing was new"
    assert finding.recovery_point == datetime(2026, 11, 25, 14, tzinfo=UTC)


def test_what_is_deleted_in_jira_is_kept_and_told(fake, folder, params, export, here):
    for number in (1, 2):
        fake.add(number, attachments=[("a", b"1")])
    do(export, params, here())
    fake.remove("10001")
    fake.issues["10002"]["fields"]["attachment"].clear()
    fake.touch("10002")
    finding, _ = do(export, params, here())
    assert finding.outputs["removed"] == 1
    assert finding.outputs["gone"] == ["HELP-1"]
    assert (finding.outputs["issues"], finding.outputs["attachments"]) == (1, 1)
    assert issue_in(folder, 1)["key"] == "HELP-1"
    assert do(export, params, here())[1] is None
    assert verify(folder, here(), at_least={"issues": 1, "attachments": 1, "removed": 1}).satisfied
    told = verify(folder, here(), at_least={"issues": 2})
    assert told.summary == "it has 1 issues, not 2 or more"


@pytest.mark.parametrize("left", [0, 1])
def test_listing_that_collapsed_is_no_proof_that_they_were_deleted(fake, folder, params, export, here, left):
    for number in range(1, 4):
        fake.add(number)
    do(export, params, here())
    before = files_in(folder)
    for number in range(1, 4 - left):
        fake.remove(str(10_000 + number))
    words = f"the service lists {left} issues; {3 - left} of the 3 issues of the last backup are gone"
    valid = export.Params.model_validate(params)
    for attempt in (export.check, export.apply):
        with pytest.raises(ActionFailedError, match=words):
            attempt(valid, here())
    assert files_in(folder) == before
    finding, _ = do(export, {**params, "may_vanish": 1}, here())
    assert (finding.outputs["issues"], finding.outputs["removed"]) == (left, 3 - left)
    assert f"{3 - left} that Jira no longer lists are kept" in finding.summary


def test_search_that_finds_nothing_is_no_export_unless_that_is_said(folder, params, export, here):
    valid = export.Params.model_validate(params)
    for attempt in (export.check, export.apply):
        with pytest.raises(ActionFailedError, match="the service lists 0 issues"):
            attempt(valid, here())
    assert not folder.exists()
    assert do(export, {**params, "may_vanish": 1}, here())[0].satisfied


def test_what_comes_while_it_ends_is_for_the_next_one(fake, params, export, here):
    fake.add(1)
    valid, own = export.Params.model_validate(params), here("1" * 64)
    export.apply(valid, own)
    fake.add(2)
    fake.touch("10001")
    assert export.check(valid, own).satisfied
    later = export.check(valid, here())
    assert later.summary == "issue HELP-1: was changed; issue 10002: is new"


def test_issue_that_is_back_is_no_longer_told_as_removed(fake, params, export, here):
    for number in (1, 2):
        fake.add(number)
    do(export, params, here())
    hidden = fake.issues.pop("10001")
    assert do(export, params, here())[0].outputs["removed"] == 1
    fake.issues["10001"] = hidden
    assert do(export, params, here())[0].outputs["removed"] == 0


def test_issue_that_is_deleted_while_it_is_brought_disturbs_nothing(fake, server, folder, params, export, here):
    for number in range(1, 60):
        fake.add(number)
    real, listings = fake.answer, []

    def answer(seen):
        given = real(seen)
        listings.append(seen.asked.get("fields") == "updated")
        if listings.count(True) == 2 and listings[-1]:  # after the listing of apply
            fake.remove("10007")
        return given

    fake.answer = answer
    finding, _ = do(export, params, here())
    assert finding.outputs["issues"] == 58


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_lead_nowhere(fake, folder, params, export, here, tmp_path, name):
    fake.add(1, attachments=[(name, b"content"), (name, b"other")])
    do(export, params, here())
    stored = sorted((folder / "attachments").rglob("*"))
    files = [path for path in stored if path.is_file()]
    assert [path.read_bytes() for path in files] == [b"content", b"other"]
    assert all(len(path.name.encode()) <= 130 and path.name.isprintable() for path in files)
    assert {path.name for path in tmp_path.iterdir()} <= {"tickets", "home"}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["issues"]["10001"]["attachments"][0]["name"] == name


def test_long_attachment_comes_in_parts(fake, folder, params, export, here):
    content = bytes(range(256)) * 40
    fake.add(1, attachments=[("big.bin", content), ("fits.bin", content[:4096])])
    do(export, {**params, "part_bytes": 4096}, here())
    parts = sorted((folder / "attachments").rglob("big.bin.part-*"))
    assert [path.name for path in parts] == ["big.bin.part-0001", "big.bin.part-0002", "big.bin.part-0003"]
    assert b"".join(path.read_bytes() for path in parts) == content
    assert verify(folder, here()).satisfied


def test_attachment_longer_than_the_answers_of_other_reads_is_brought_whole(fake, folder, params, export, here):
    content = bytes(11_000_000)
    fake.add(1, attachments=[("database.dump", content)])
    finding, _ = do(export, params, here())
    assert finding.outputs["missing"] == {}
    assert next((folder / "attachments").rglob("database.dump")).read_bytes() == content


@pytest.mark.parametrize("why", ["unreadable", "deaf", "short"])
def test_attachment_that_is_not_given_is_told_and_tried_again(fake, folder, params, export, here, why):
    fake.add(1, attachments=[("a", b"1" * (3000 if why == "short" else 5000)), ("b", b"2")])
    if why == "deaf":
        fake.deaf = True
    elif why == "short":
        fake.content["20000"] = b"1" * 2999
    else:
        fake.unreadable.add("20000")
    small = {**params, "part_bytes": 4096}
    with pytest.raises(ActionFailedError, match="HELP-1: attachment 20000: ") as failed:
        do(export, small, here())
    assert failed.value.outputs["attachments"] == 1
    assert issue_in(folder, 1)["key"] == "HELP-1"
    assert not verify(folder, here()).satisfied
    finding, _ = do(export, {**small, "allow_missing": True}, here())
    assert list(finding.outputs["missing"]) == ["HELP-1: attachment 20000"]
    fake.deaf = False
    fake.unreadable.clear()
    fake.content["20000"] += b"1" if why == "short" else b""
    finding, _ = do(export, small, here())
    assert finding.outputs["missing"] == {}
    assert verify(folder, here()).satisfied


def test_without_attachments_none_is_asked_for(fake, params, export, here):
    fake.add(1, attachments=[("a", b"1")])
    finding, _ = do(export, {**params, "attachments": False}, here())
    assert finding.outputs["attachments"] == 0
    assert fake.downloads == []


def test_damage_is_found_and_mended(fake, folder, params, export, here):
    for number in (1, 2, 3):
        fake.add(number, attachments=[("a", b"1"), ("b", b"2")])
    do(export, params, here())
    whole = files_in(folder)
    fake.downloads.clear()
    (folder / "issues/10/10001.json").write_text("{}")
    next(path for path in (folder / "attachments").rglob("b")).unlink()
    finding = export.check(export.Params.model_validate(params), here())
    assert not finding.satisfied
    assert "issues/10/10001.json: is not as it was written" in finding.summary
    do(export, params, here())
    assert len(fake.downloads) == 1
    after = files_in(folder)
    assert {name for name in whole if after[name] != whole[name]} == {"manifest.json"}


def test_damaged_attachment_that_jira_has_no_more_is_told(fake, folder, params, export, here):
    fake.add(1, attachments=[("a", b"1")])
    do(export, params, here())
    next(path for path in (folder / "attachments").rglob("a")).write_bytes(b"evil")
    fake.issues["10001"]["fields"]["attachment"].clear()
    with pytest.raises(ActionFailedError, match="attachment 20000: it was damaged here, and Jira has it no more"):
        do(export, params, here())


def test_it_goes_on_where_it_was_broken_off(fake, server, folder, params, export, here):
    for number in range(1, 650):
        fake.add(number, attachments=[("a", b"1")] if number % 100 == 0 else [])
    valid = export.Params.model_validate(params)
    server.fault(replace(unavailable(times=None), where=r"id\+in.*106\d\d"))
    with pytest.raises(ServiceUnreachableError):
        export.apply(valid, here("1" * 64))
    assert not (folder / "manifest.json").exists()
    server.faults.clear()
    server.seen.clear()
    resumed = here("1" * 64)
    finding, _ = do(export, params, resumed)
    brought = [seen for seen in server.seen if "id in" in seen.asked.get("jql", "")]
    assert finding.outputs["issues"] == finding.outputs["changed"] == 649
    assert len(brought) == 3  # 149 of 649: the first 500 are noted
    assert Counter(fake.downloads).most_common(1)[0][1] <= 2
    assert not (folder / "progress.json").exists()
    assert verify(folder, here()).satisfied


def test_limits_and_broken_answers_are_sat_out(fake, server, params, export, here):
    fake.add(1, comments=60, attachments=[("a", b"1" * 3000)])
    server.fault(
        busy(retry_after=5), half(where="/comment", applied=False), unavailable(retry_after=3, where="/content/")
    )
    context = here()
    finding, _ = do(export, params, context)
    assert finding.outputs["comments"] == 60
    assert context.clock.monotonic() > 8


def test_page_that_is_too_long_is_halved(fake, server, folder, params, export, here):
    for number in range(1, 7):
        fake.add(number, "x" * 5_000_000)
    finding, _ = do(export, params, here())
    assert finding.outputs["issues"] == 6
    assert max(seen.asked["jql"].count(",") for seen in server.seen if "id in" in seen.asked.get("jql", "")) == 5


def test_folder_of_another_export_is_not_touched(fake, folder, params, export, here):
    fake.add(1)
    do(export, params, here())
    before = files_in(folder)
    valid = export.Params.model_validate({**params, "jql": "project = OTHER"})
    for hand in (export.check, export.apply):
        with pytest.raises(ActionFailedError, match=r"is of another export: jira\.export"):
            hand(valid, here())
    for content in ("[]", "{", '{"format": "runbook-backup/1", "issues": {"10001": 5}}', "[" * 100_000):
        (folder / "manifest.json").write_text(content)
        with pytest.raises(ActionFailedError, match="is not the manifest of an export"):
            export.apply(export.Params.model_validate(params), here())
    assert {name: content for name, content in files_in(folder).items() if name != "manifest.json"} == {
        name: content for name, content in before.items() if name != "manifest.json"
    }


def test_issue_that_was_not_asked_for_is_not_taken(fake, folder, params, export, here):
    fake.add(1)
    real = fake.answer

    def answer(seen):
        given = real(seen)
        if seen.path.startswith("/rest/api/3/issue/"):
            return replace(given, json={**given.json, "id": "../../x"})
        return given

    fake.answer = answer
    export.apply(export.Params.model_validate(params), here())
    assert set(files_in(folder)) == {"manifest.json"}


def test_check_writes_nothing_and_counts(fake, server, folder, params, export, here):
    for number in range(1, 4):
        fake.add(number)
    context = here()
    finding = export.check(export.Params.model_validate(params), context.reading(export, params))
    assert finding.summary == "there is no export yet; Jira lists 3 issues"
    assert not folder.exists()
    assert {seen.method for seen in server.seen} == {"GET"}


def test_wrong_search_is_told_in_jiras_words(params, export, here):
    with pytest.raises(RunbookError, match="status 400: Error in the JQL Query"):
        export.check(export.Params.model_validate({**params, "jql": "nonsense"}), here())


@pytest.mark.parametrize(
    "change", [{"jql": "project = A ORDER BY key"}, {"folder": None}, {"s3": {"bucket": "b", "region": "r"}}]
)
def test_wrong_parameters_are_refused(params, export, change):
    with pytest.raises(ValueError, match=r"ORDER BY|exactly one|bucket"):
        export.Params.model_validate({**params, **change})


@pytest.fixture(scope="module")
def moto():
    server = WireServer(DomainDispatcherApplication(create_backend_app))
    yield server
    server.close()


@pytest.fixture
def s3(moto, monkeypatch):
    BackendDict.reset()
    reset_model_data()
    environment = {"AWS_ENDPOINT_URL": moto.endpoint, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    for name, value in {**environment, "AWS_CONFIG_FILE": "/nonexistent"}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="backups", ObjectLockEnabledForBucket=True)
    return client


def test_export_to_a_bucket_is_locked_and_incremental(fake, s3, params, export, here):
    for number in range(1, 4):
        fake.add(number, attachments=[("a", b"1")])
    bucket = {
        "bucket": "backups",
        "prefix": "tickets/",
        "region": "us-east-1",
        "lock": {"mode": "COMPLIANCE", "days": 35},
    }
    params = {**params, "folder": None, "s3": bucket}
    finding, _ = do(export, params, here(session=AwsSession()))
    assert finding.outputs["manifest"] == "s3://backups/tickets/manifest.json"
    there = {item["Key"]: item["VersionId"] for item in s3.list_object_versions(Bucket="backups")["Versions"]}
    assert len(there) == 7
    for key in there:
        kept = s3.head_object(Bucket="backups", Key=key)
        assert kept["ObjectLockMode"] == "COMPLIANCE"
        assert kept["ObjectLockRetainUntilDate"] == datetime(2026, 11, 25, 12, tzinfo=UTC) + timedelta(days=35)
    assert do(export, params, here(session=AwsSession()))[1] is None
    fake.comment("10002", "more")
    finding, _ = do(export, params, here(session=AwsSession()))
    assert finding.outputs["changed"] == 1
    now = Counter(item["Key"] for item in s3.list_object_versions(Bucket="backups")["Versions"])
    assert {key for key, count in now.items() if count == 2} == {
        "tickets/issues/10/10002.json",
        "tickets/manifest.json",
    }


def test_a_bucket_without_the_lock_that_is_asked_for_is_found_out_by_looking(fake, s3, params, export, here):
    fake.add(1)
    s3.create_bucket(Bucket="plain")
    where = {"bucket": "plain", "region": "us-east-1"}
    with pytest.raises(ActionFailedError, match="plain has no Object Lock"):
        export.check(
            export.Params(**{**params, "folder": None, "s3": {**where, "lock": {"days": 1}}}),
            here(session=AwsSession()),
        )
    finding, _ = do(export, {**params, "folder": None, "s3": where}, here(session=AwsSession()))
    assert finding.satisfied, "where no lock is asked for, none is needed"


@pytest.mark.parametrize("what", ["gone", "cut"])
def test_object_that_is_gone_or_cut_is_brought_again(fake, s3, params, export, here, what):
    fake.add(1, attachments=[("a", b"1")])
    params = {**params, "folder": None, "s3": {"bucket": "backups", "region": "us-east-1"}}
    do(export, params, here(session=AwsSession()))
    if what == "gone":
        s3.delete_object(Bucket="backups", Key="issues/10/10001.json")
    else:
        s3.put_object(Bucket="backups", Key="issues/10/10001.json", Body=b"{}")
    _, applied = do(export, params, here(session=AwsSession()))
    assert applied is not None
    assert b"HELP-1" in s3.get_object(Bucket="backups", Key="issues/10/10001.json")["Body"].read()


class Sink(FakeConnection):
    """Files whose content nobody keeps, the manifest's excepted."""

    def write(self, path, content, *, mode=None):
        if path.endswith("manifest.json"):
            FakeConnection.write(self, path, content, mode=mode)


def test_memory_is_that_of_what_is_noted_not_of_what_is_brought(fake, server, params, export, web):
    server.document = None  # to hold every page to the document would take longer than all else
    text = "x" * 100_000
    for number in range(1, 1001):
        fake.add(number, text)
    valid = export.Params.model_validate(params)
    tracemalloc.start()
    try:
        export.apply(valid, web(connection=Sink(), timeout=1e6))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000  # 100 MB were brought
