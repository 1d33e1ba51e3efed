"""The runbooks of this repository, run on one rehearsal lab: dry, live, a second time, and where they must fail."""

import email
import email.policy
import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
import pytest
import yaml

from runbook_engine.lab import client
from runbook_engine.lab.addresses import read_lab
from runbook_engine.lab.breaks import parse
from runbook_engine.lab.probe import look

from .conftest import CommandLine

ROOT = Path(__file__).resolve().parents[3]
FAST = "all: {vars: {poll: 0.1s}}\n"
LAB = [sys.executable, "-m", "runbook_engine.lab", "--restore-polls", "1", "--capacity", "--ttl", "600"]
MAIL = """\
"notify.email" = {smtp = {host = "{{ smtp.host }}", port = "{{ smtp.port }}", tls = "{{ smtp.tls }}"}, \
sender = "{{ mail_sender }}", to = "{{ alarm.emails }}", subject = "{{ alarm.subject }}", body = "{{ alarm.text }}"}
"""
ON_LAB = ("-i", "demo", "-i", "fast.yml")


class Rehearsal:
    """A copy of the shipped project with a lab beside it; nothing is backed up in it but when a test says so."""

    def __init__(self, root):
        self.root = root
        self.call = CommandLine(root)
        for name in ("runbooks", "inventories", "plugins"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("team.yml", "runbook.toml"):
            shutil.copy(ROOT / name, root)
        (root / "fast.yml").write_text(FAST)

    def run(self, *words, status=0):
        done = self.call("run", *words)
        assert done.status == status, f"{words} ended with {done.status}\n{done.err}"
        return done.err

    def succeeded(self, *words):
        """Run it for real; give how each step ended, `mixed` where its targets differ, and what was said."""
        said = self.run(*words, "--yes")
        return self.outcomes(), said

    def outcomes(self):
        report = self.call("report", "last", "--format", "json").json
        found = {step["id"]: {task["outcome"] for task in step["tasks"]} for step in report["steps"]}
        return {step: each.pop() if len(each) == 1 else "mixed" for step, each in found.items()}

    def break_(self, what, *, broken=True):
        client.set_broken(self.lab, parse(what.split()), broken=broken)

    @property
    def lab(self):
        return read_lab(self.root / ".lab")

    def part(self, name):
        return next(part for part in look(self.lab) if part.name == name)

    def requests(self):
        return [json.loads(line) for line in (self.root / ".lab" / "aws-requests.ndjson").read_text().splitlines()]

    def writes(self):
        return [request for request in self.requests() if request["write"]]

    def instances(self, region):
        return {file.stem for file in (self.root / ".lab" / "data" / region).glob("*.sqlite")}

    def aws(self, service, region):
        session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)
        return session.client(service, endpoint_url=self.lab.aws_endpoint)

    def restored(self):
        """What there is in the standby region of what is restored there besides databases."""
        ec2 = self.aws("ec2", "eu-west-1")
        live = ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}])
        return {
            "volumes": {one["VolumeId"] for one in ec2.describe_volumes()["Volumes"] if not one["Attachments"]},
            "instances": {one["InstanceId"] for found in live["Reservations"] for one in found["Instances"]},
            "tables": set(self.aws("dynamodb", "eu-west-1").list_tables()["TableNames"]),
        }

    def last(self):
        return self.call("status", "--output", "json").json["id"]

    def decided(self, gate, *words, status=0, on=ON_LAB):
        """Run it up to its gate, approve that as the director, and go on."""
        self.run(*words, *on, "--yes", status=4)
        assert self.call("approve", "last", gate, "--as", "dana", "--reason", "rehearsal").status == 0
        done = self.call("resume", "last", "--yes")
        assert done.status == status, done.err
        return done.err

    def write(self, text):
        review = json.dumps({"app": "Time Sheets", "stars": 5, "body": text}).encode()
        with urllib.request.urlopen(f"{self.lab.front_url}/reviews", review) as answer:
            assert answer.status == 201

    def lead_to(self, name):
        """Change the app's name by hand, as somebody in a hurry does."""
        record = {"Name": self.lab.app_name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": name}]}
        self.aws("route53", "us-east-1").change_resource_record_sets(
            HostedZoneId=self.lab.hosted_zone_id,
            ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]},
        )

    def mails(self):
        """Every mail so far, oldest first: its subject, and whom it went to."""
        found = []
        for file in sorted((self.root / ".lab" / "mail").glob("*.eml")):
            mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            found.append({"subject": str(mail["Subject"]), "to": [one.addr_spec for one in mail["To"].addresses]})
        return found

    def mail_text(self):
        """The body of the newest mail, in one line."""
        file = max((self.root / ".lab" / "mail").glob("*.eml"))
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        return " ".join(mail.get_body(("plain",)).get_content().split())

    def subjects(self):
        return [mail["subject"] for mail in self.mails()]


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory):
    rehearsal = Rehearsal(tmp_path_factory.mktemp("rehearsal"))
    command = [*LAB, "--state", str(rehearsal.root / ".lab")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("lab ready: ")
            yield rehearsal
        finally:
            process.terminate()
            process.wait(15)


def test_what_is_shipped_is_valid(rehearsal):
    assert rehearsal.call("validate", "--strict").status == 0


RESTORES = ("restore", "image-launch", "volume-restore", "table-restore", "vault-restore")
REMOVALS = ("clean-up", "image-remove", "volume-remove", "table-remove", "vault-remove")


def test_readiness_of_the_failover_is_looked_at_without_a_write(rehearsal):
    """The lab's moto simulates no policies and has no quotas: that is said, and is no yes."""
    asked = len(rehearsal.requests())
    called = rehearsal.call("readiness", "region-failover", *ON_LAB, "-e", "incident=READY-1", "--output", "json")
    assert called.status == 0, called.err
    found = called.json
    assert found["verdict"] == "unknown"
    assert {one["area"] for one in found["findings"] if one["level"] == "unknown"} == {"permission", "quota"}
    noted = [one["steps"] for one in found["findings"] if one["level"] == "note"]
    assert noted == [["aws-status"]], "on an ordinary day AWS reports no trouble"
    assert not [request for request in rehearsal.requests()[asked:] if request["write"]]


def test_backups_are_looked_at_restored_compared_and_nothing_is_left(rehearsal):
    asked = len(rehearsal.requests())
    said = rehearsal.run("verify-backups", *ON_LAB, "--dry-run")
    assert "4 of 8 objects" in said
    assert not [request for request in rehearsal.requests()[asked:] if request["write"]]
    before = rehearsal.restored()

    outcomes, _ = rehearsal.succeeded("verify-backups", *ON_LAB, "-e", "keep=true")
    assert outcomes["archives"] == "changed"
    assert {outcomes[step] for step in RESTORES} == {"changed"}
    assert {outcomes[step] for step in REMOVALS} == {"skipped"}
    (kept,) = rehearsal.instances("eu-west-1")
    writes = len(rehearsal.writes())
    outcomes, _ = rehearsal.succeeded("verify-backups", *ON_LAB, "-e", "keep=true")
    assert set(outcomes.values()) == {"unchanged", "skipped"}
    assert len(rehearsal.writes()) == writes
    assert {kind: len(found - before[kind]) for kind, found in rehearsal.restored().items()} == {
        "volumes": 1, "instances": 1, "tables": 2,
    }  # fmt: skip

    outcomes, said = rehearsal.succeeded("verify-backups", *ON_LAB, "-e", "report=always")
    assert {outcomes[step] for step in REMOVALS} == {"changed"}
    assert f"deleted {kept}" in said
    assert rehearsal.instances("eu-west-1") == set()
    assert rehearsal.restored() == before
    assert "Backups of app.reviews.example: proven" in rehearsal.subjects()
    assert "(it names all)" in rehearsal.mail_text()


def test_what_aws_backup_restored_and_was_removed_is_restored_anew(rehearsal):
    outcomes, _ = rehearsal.succeeded("verify-backups", *ON_LAB)
    assert {outcomes[step] for step in (*RESTORES, *REMOVALS)} == {"changed"}


def test_wrong_data_in_a_backup_and_a_backup_that_is_too_old_are_caught(rehearsal):
    before = rehearsal.restored()
    rehearsal.break_("wrong-data")
    said = rehearsal.run("verify-backups", *ON_LAB, "--yes", status=1)
    rehearsal.break_("wrong-data", broken=False)
    assert "rows that the checksum table counts but the reviews lack: is 100 instead of 0" in said
    assert "4 of 4 blocks of snap-" in said
    assert said.count("holds 80 items, less than 100") == 2, "the table's backup, and AWS Backup's"
    outcomes = rehearsal.outcomes()
    wrong = {"verify-data", "volume-compare", "table-verify", "vault-verify"}
    assert {step for step, outcome in outcomes.items() if outcome == "failed"} == wrong
    assert {outcomes[step] for step in REMOVALS} == {"changed"}
    assert rehearsal.instances("eu-west-1") == set()
    assert rehearsal.restored() == before
    assert rehearsal.subjects()[-1] == "Backups of app.reviews.example: NOT proven"
    assert "at most 1m is wanted" in rehearsal.run("verify-backups", *ON_LAB, "-e", "max_age=1m", "--yes", status=1)


def test_backups_that_are_too_old_or_have_no_copy_are_caught_class_by_class(rehearsal):
    shipped = yaml.safe_load((ROOT / "inventories" / "demo" / "hosts.yml").read_text())["all"]["vars"]["backups"]
    old = {
        name: {**shipped[name], "max_age": "1s"} if "max_age" in shipped[name] else shipped[name] for name in shipped
    }
    (rehearsal.root / "old.yml").write_text(yaml.safe_dump({"all": {"vars": {"backups": old}}}))
    said = rehearsal.run("verify-backups", *ON_LAB, "-i", "old.yml", "--yes", status=1)
    assert said.count("at most 1s is wanted") == 8, said
    outcomes = rehearsal.outcomes()
    classes = ("image", "volume", "table", "vault")
    assert {outcomes[f"{name}-{where}"] for name in classes for where in ("primary", "standby")} == {"failed"}
    assert {outcomes[step] for step in RESTORES[1:]} == {"blocked"}
    assert {outcomes[step] for step in REMOVALS[1:]} == {"skipped"}

    gone = {
        "image": {**shipped["image"], "name": "other-*"},
        "volume": {**shipped["volume"], "tags": {"app": "other"}},
        "table": {**shipped["table"], "name": "other"},
        "vault": {**shipped["vault"], "name": "other"},
        "key": "alias/reviews",
        "repository": "other",
    }
    (rehearsal.root / "gone.yml").write_text(yaml.safe_dump({"all": {"vars": {"backups": gone}}}))
    said = rehearsal.run("verify-backups", *ON_LAB, "-i", "gone.yml", "--yes", status=1)
    for words in (
        "there is no available image other-* in eu-west-1",
        "there is no complete snapshot tagged app=other in eu-west-1",
        "there is no available backup of table other in eu-west-1",
        "vault other of eu-west-1 has no complete recovery point of arn:aws:dynamodb",
        "there is no image other:1.4.2 in us-east-1",
    ):
        assert words in said
    assert rehearsal.subjects()[-1] == "Backups of app.reviews.example: NOT proven"


def test_a_copy_that_lacks_in_the_standby_region_alone_is_caught(rehearsal):
    ec2 = rehearsal.aws("ec2", "eu-west-1")
    (image,) = ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": ["reviews-*"]}])["Images"]
    (copy,) = ec2.describe_snapshots(Filters=[{"Name": "tag:app", "Values": ["reviews"]}])["Snapshots"]
    ec2.create_tags(Resources=[copy["SnapshotId"]], Tags=[{"Key": "app", "Value": "hidden"}])
    ec2.deregister_image(ImageId=image["ImageId"])
    try:
        rehearsal.run("verify-backups", *ON_LAB, "--yes", status=1)
        outcomes = rehearsal.outcomes()
        assert {step for step, outcome in outcomes.items() if outcome == "failed"} == {
            "image-standby", "volume-standby",
        }  # fmt: skip
    finally:
        ec2.create_tags(Resources=[copy["SnapshotId"]], Tags=[{"Key": "app", "Value": "reviews"}])
        again = rehearsal.aws("ec2", "us-east-1").describe_images(Owners=["self"])["Images"][0]
        ec2.copy_image(Name=image["Name"], SourceImageId=again["ImageId"], SourceRegion="us-east-1")


def test_a_class_that_the_inventory_does_not_name_is_skipped_and_told(rehearsal):
    (rehearsal.root / "none.yml").write_text("all: {vars: {backups: {image: null, key: alias/reviews}}}\n")
    outcomes, said = rehearsal.succeeded("verify-backups", *ON_LAB, "-i", "none.yml", "-e", "report=always")
    assert outcomes["key"] == "unchanged"
    others = [step for step in outcomes if step.startswith(("image-", "volume-", "table-", "vault-", "containers"))]
    assert len(others) == 20
    assert {outcomes[step] for step in others} == {"skipped"}
    assert "skipped       table-primary" in said
    lacking = "machine images, volumes, DynamoDB tables, AWS Backup vaults, container images"
    assert f"names none of these, so nobody looked at them: {lacking}" in rehearsal.mail_text()
    assert rehearsal.subjects()[-1] == "Backups of app.reviews.example: proven"


def test_data_of_some_time_is_restored_beside_the_app_proven_and_removed(rehearsal):
    ticket = ("-e", "ticket=OPS-7")
    before = len(rehearsal.writes())
    rehearsal.run("restore-cloud-app", *ON_LAB, *ticket, "--dry-run")
    assert len(rehearsal.writes()) == before

    outcomes, _ = rehearsal.succeeded("restore-cloud-app", *ON_LAB, *ticket)
    assert (outcomes["restore"], outcomes["verify-data"], outcomes["app-untouched"]) == (
        "changed", "unchanged", "unchanged",
    )  # fmt: skip
    assert rehearsal.instances("us-east-1") == {"reviews", "reviews-ops-7"}
    assert rehearsal.subjects()[-1] == "OPS-7: reviews-ops-7 is proven"
    before = len(rehearsal.writes())
    outcomes, _ = rehearsal.succeeded("restore-cloud-app", *ON_LAB, *ticket)
    assert set(outcomes.values()) == {"unchanged", "skipped"}
    assert len(rehearsal.writes()) == before

    outcomes, _ = rehearsal.succeeded("restore-cloud-app", *ON_LAB, *ticket, "-e", "afterwards=remove")
    assert outcomes["clean-up"] == "changed"
    assert rehearsal.instances("us-east-1") == {"reviews"}


def test_a_time_before_all_backups_and_data_that_lacks_rows_are_told(rehearsal):
    said = rehearsal.run("restore-cloud-app", *ON_LAB, "-e", "ticket=OPS-8", "-e", "before=2020-01-01T00:00:00Z",
                         "--yes", status=1)  # fmt: skip
    assert "no available snapshot of reviews in us-east-1 with data of 2020-01-01T00:00:00+00:00 or earlier" in said
    said = rehearsal.run("restore-cloud-app", *ON_LAB, "-e", "ticket=OPS-8", "-e", "least_rows=501", "--yes", status=1)
    assert "rows of reviews: is 500, less than 501" in said
    assert rehearsal.subjects()[-1] == "OPS-8: reviews-ops-8 is NOT to be relied on"


INCIDENT = ("-e", "incident=LAB-1")


@pytest.fixture(scope="module")
def away(rehearsal):
    """The app was failed over, and something was written in the standby region since; the id of that run."""
    rehearsal.break_("app us-east-1")
    rehearsal.decided("declare", "region-failover", *INCIDENT)
    rehearsal.break_("app us-east-1", broken=False)
    rehearsal.write("written in the standby region")
    assert rehearsal.part("app").text == "501 reviews from eu-west-1, release 1.4.2"
    return rehearsal.last()


def test_what_was_moved_by_hand_or_did_not_succeed_is_not_failed_back(rehearsal, away):
    rehearsal.lead_to("primary.reviews.example")
    said = rehearsal.run("region-failback", "--from-run", away, *ON_LAB, *INCIDENT, "--yes", status=1)
    rehearsal.lead_to("standby.reviews.example")
    assert "failed        no-split-brain@standby-1" in said, "both regions take writes"
    assert rehearsal.part("primary-1").state == "up", "nothing was touched"
    rehearsal.run("verify-backups", *ON_LAB, "-e", "max_age=1s", "--yes", status=1)
    said = rehearsal.run("region-failback", "--from-run", "last", *ON_LAB, *INCIDENT, "--yes", status=2)
    assert "did not succeed (failed)" in said
    said = rehearsal.run("region-failback", *ON_LAB, *INCIDENT, "--yes", status=3)
    assert "give it with --from-run RUN" in said


def test_a_failback_whose_data_is_wrong_is_taken_back_and_the_standby_goes_on(rehearsal, away):
    before = len(rehearsal.writes())
    rehearsal.run("region-failback", "--from-run", away, *ON_LAB, *INCIDENT, "--dry-run")
    assert len(rehearsal.writes()) == before

    rehearsal.break_("wrong-data")
    said = rehearsal.decided("go", "region-failback", "--from-run", away, *INCIDENT, status=1)
    rehearsal.break_("wrong-data", broken=False)
    assert "rows: is 401 instead of 501" in said
    assert "failed and was taken back" in said
    assert rehearsal.part("app").text == "501 reviews from eu-west-1, release 1.4.2"
    assert rehearsal.part("primary-1").state == "standby", "the old primary stays fenced"
    assert not [name for name in rehearsal.instances("us-east-1") if name.startswith("reviews-us-east-1")]
    assert rehearsal.subjects()[-1] == "Reviews moves back another day (LAB-1)", said


def test_a_failback_loses_nothing_and_a_second_one_changes_nothing(rehearsal, away):
    rehearsal.decided("go", "region-failback", "--from-run", away, *INCIDENT)
    assert rehearsal.part("app").text == "501 reviews from us-east-1, release 1.4.2"
    assert {rehearsal.part(f"standby-{number}").state for number in (1, 2)} == {"standby"}
    assert "Reviews is back in its usual region (LAB-1)" in rehearsal.subjects()
    before = len(rehearsal.writes())
    outcomes, _ = rehearsal.succeeded("region-failback", "--from-run", away, *ON_LAB, *INCIDENT)
    assert set(outcomes.values()) == {"unchanged", "skipped"}
    assert len(rehearsal.writes()) == before


DRILL = ("-e", "incident=DRILL-1")


@pytest.fixture(scope="module")
def in_drill(rehearsal):
    """The drill's inventory; it goes by the database that the primary's hosts serve now, as its people would set it."""
    serves = json.loads((rehearsal.root / ".lab" / "hosts" / "primary-1" / "app.json").read_text())
    (rehearsal.root / "now.yml").write_text(f"all: {{vars: {{source_instance: {Path(serves['db']).stem}}}}}\n")
    return ("-i", "drill", "-i", "fast.yml", "-i", "now.yml")


def test_a_switch_is_drilled_on_the_drills_inventory_only(rehearsal, in_drill):
    said = rehearsal.run("switchover-drill", *in_drill, *DRILL, "--yes", status=1)
    assert "run it with --drill on a drill's inventory" in said
    assert rehearsal.outcomes()["freeze"] == "blocked"
    said = rehearsal.run("switchover-drill", *ON_LAB, *DRILL, "--drill", "--yes", status=3)
    assert "is not marked as a drill's" in said
    before = len(rehearsal.writes())
    rehearsal.run("switchover-drill", *in_drill, *DRILL, "--dry-run")
    assert len(rehearsal.writes()) == before


def test_a_drilled_switch_loses_nothing_tells_nobody_outside_and_is_switched_back(rehearsal, in_drill):
    rows = rehearsal.part("app").text.partition(" ")[0]
    rehearsal.decided("go", "switchover-drill", *DRILL, "--drill", on=in_drill)
    assert rehearsal.part("app").text == f"{rows} reviews from eu-west-1, release 1.4.2"
    assert {rehearsal.part(f"primary-{number}").state for number in (1, 2)} == {"standby"}
    drilled = rehearsal.last()
    before = len(rehearsal.writes())
    outcomes, _ = rehearsal.succeeded("switchover-drill", *in_drill, *DRILL, "--drill")
    assert set(outcomes.values()) == {"unchanged", "skipped"}
    assert len(rehearsal.writes()) == before

    rehearsal.decided("go", "region-failback", "--from-run", drilled, *DRILL, "--drill", on=in_drill)
    assert rehearsal.part("app").text == f"{rows} reviews from us-east-1, release 1.4.2"
    told = {address for run in rehearsal.mails() if "DRILL-1" in run["subject"] for address in run["to"]}
    assert told == {"drill@example.com"}, "no message of a drill leaves its sandbox"


def test_the_drills_inventory_is_the_demos_with_a_mark():
    drill, demo = (
        yaml.safe_load((ROOT / "inventories" / name / "hosts.yml").read_text()) for name in ("drill", "demo")
    )
    assert drill["all"]["vars"].pop("runbook_drill") is True
    assert drill == demo


def test_a_region_that_breaks_is_proposed_to_be_failed_over_once(rehearsal):
    file = rehearsal.root / "runbooks" / "region-failover.yml"
    shipped = file.read_text()
    assert "for: 5m" in shipped
    file.write_text(shipped.replace("for: 5m", "for: 0s"))  # who rehearses does not want to wait
    config = rehearsal.root / "runbook.toml"
    before = config.read_text()
    config.write_text(f"{before}\n[[monitor.tell]]\n{MAIL}")
    asked = len(rehearsal.requests())
    try:
        assert rehearsal.call("monitor", "--once").status == 0
        rehearsal.break_("region us-east-1")
        said = rehearsal.call("monitor", "--once").out
        assert "\n  runbook run region-failover -e incident=INCIDENT\n" in said
        assert rehearsal.call("monitor", "--once").out == "stands: region-failover on demo is proposed\n"
        assert rehearsal.mails()[-1] == {
            "subject": "region-failover on demo is proposed",
            "to": ["eli@example.com"],
        }
        assert rehearsal.subjects().count("region-failover on demo is proposed") == 1
        rehearsal.break_("status-page")
        assert "unknown: region-failover/1" in rehearsal.call("monitor", "--once").out
    finally:
        rehearsal.break_("status-page", broken=False)
        rehearsal.break_("region us-east-1", broken=False)
        file.write_text(shipped)
        config.write_text(before)
    assert not [request for request in rehearsal.requests()[asked:] if request["write"]]
    assert rehearsal.call("audit", "verify").status == 0
