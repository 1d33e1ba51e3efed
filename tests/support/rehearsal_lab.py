"""The rehearsal lab as tests of faults use it: started, put back to where it was, and asked what became of it."""

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys

import boto3
import dns.message
import dns.query

from runbook_engine.lab.client import read_lab

REGION = "us-east-1"  # the one that is down


@contextlib.contextmanager
def running_lab(state):
    """Start a lab whose primary region is down; it ends with the block, and with this process."""
    command = [sys.executable, "-m", "runbook_engine.lab", "--state", str(state), "--break", REGION]
    extra = ["--restore-polls", "1", "--ttl", "3000", "--parent-pid", str(os.getpid())]
    with subprocess.Popen([*command, *extra], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("lab ready")
            yield read_lab(state)
        finally:
            process.terminate()
            process.wait(120)


@functools.cache
def _cloud(endpoint, service, region):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.session.Session().client(service, region, endpoint_url=endpoint, **keys)


def restore_lab(lab):
    """Put the target's side back to where it was when the region broke."""
    cloud = functools.partial(_cloud, lab.aws_endpoint)
    rds = cloud("rds", lab.standby_region)
    for instance in rds.describe_db_instances()["DBInstances"]:
        rds.delete_db_instance(DBInstanceIdentifier=instance["DBInstanceIdentifier"], SkipFinalSnapshot=True)
    s3 = cloud("s3", lab.standby_region)
    for name in (f"reviews-{lab.version}.tar.gz", f"reviews-{lab.version}.tar.gz.sha256"):
        s3.delete_object(Bucket=lab.buckets[lab.standby_region], Key=f"releases/{name}")
    records = [{"Value": f"primary.{lab.hosted_zone}"}]
    record = {"Name": lab.app_name, "Type": "CNAME", "TTL": 60, "ResourceRecords": records}
    cloud("route53", lab.primary_region).change_resource_record_sets(
        HostedZoneId=lab.hosted_zone_id, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    )
    for app in lab.apps.values():
        if app.region == lab.standby_region:
            clear_host(app.dir)


def clear_host(folder):
    """Let a host be as it was before anything was deployed to it."""
    shutil.rmtree(folder / "releases", ignore_errors=True)
    for name in ("app.json", "deploy.log"):
        (folder / name).unlink(missing_ok=True)


def requests(lab, since=0):
    """Give what the cloud was asked, leaving out so many requests."""
    return [json.loads(line) for line in lab.request_log.read_text().splitlines()[since:]]


def mails(lab, run):
    """Give the messages of a run that the mail server took."""
    log = lab.mail_dir / "log.ndjson"
    found = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [mail for mail in found if run in mail["message_id"]]


def leads_to(lab):
    """Ask the zone's name server where the app's name leads."""
    question = dns.message.make_query(lab.app_name, "CNAME")
    answer = dns.query.udp(question, lab.dns.host, port=lab.dns.port, timeout=5)
    return answer.answer[0][0].to_text()


def deploy_lines(folder):
    """Count how often the deploy command began on a host."""
    log = folder / "deploy.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def target_side(lab, run, since):
    """Say what the cloud, the name server and the mail server know of a run; `since`: requests that came before it."""
    sent = [to for mail in mails(lab, run) for to in mail["to"]]
    asked = requests(lab, since)
    return {
        "restores": sum(call["operation"] == "RestoreDBInstanceFromDBSnapshot" for call in asked),
        "leads_to": leads_to(lab),
        "mails": {to: sent.count(to) for to in sent},
    }
