"""Runs region-failover against a lab of its own and ends the engine at every journal write, one write a time.

A process of its own: it imports everything once and forks an engine for each part of a run, so that a whole run takes
about two seconds. Prints one JSON object a line: what was killed when, and what the target's side shows at the end.
"""

import argparse
import contextlib
import functools
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import boto3
import dns.message
import dns.query

from runbook_engine.app.answer import answer_gate, resolve_doubt
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.run_requests import ResumeRequest, RunRequest
from runbook_engine.app.run_runbook import resume_run, run_runbook
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.journals.address import open_journal
from runbook_engine.lab.client import read_lab
from runbook_engine.model.event import AttemptFinished, AttemptStarted

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "demo"), str(ROOT / "tests")]

from stage import environment_for  # noqa: E402 - the demo's folder is no package
from support.killing_journal import ENDS, KillingJournal, Silence  # noqa: E402 - nor is that of the tests

PARTS = 12
REGION = "us-east-1"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--when", choices=["before", "after"], required=True)
    parser.add_argument("--only", type=int, help="just this write")
    options = parser.parse_args()
    with running_lab(options.state / "lab") as lab:
        environment = environment_for(lab, options.state)
        os.environ.clear()
        os.environ.update(environment)
        addresses, fast = options.state / "lab" / "inventory.yml", options.state / "fast.yml"
        fast.write_text('all: {vars: {poll: "0.05s"}}\n')
        os.chdir(ROOT)
        project = open_project(ROOT)
        warm(project)
        point = 0 if options.only is None else options.only - 1
        killed = True
        while killed:
            point += 1
            strike = Strike(project, lab, options.state, (str(addresses), str(fast)), point, options.when)
            result = strike.carry_out()
            killed = result["killed"] and options.only is None
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()


def warm(project):
    """Import now what an engine imports when it is first used, so that no fork has to."""
    for name in ("aws", "http", "local", "mail", "sql"):
        importlib.import_module(f"runbook_engine.connections.{name}")
    importlib.import_module("httpx")
    prepare_plan(project, PlanRequest("region-failover", ("demo",), ("incident=OPS-1042",)))


@contextlib.contextmanager
def running_lab(state):
    command = [sys.executable, "-m", "runbook_engine.lab", "--state", str(state), "--break", REGION]
    extra = ["--restore-polls", "1", "--ttl", "600", "--parent-pid", str(os.getpid())]
    with subprocess.Popen([*command, *extra], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("lab ready")
            yield read_lab(state)
        finally:
            process.terminate()
            process.wait(15)


class Strike:
    """One run of the demo that is killed at one journal write, resumed until it is done, and looked at."""

    def __init__(self, project, lab, state, sources, point, when):
        self.project, self.lab, self.sources = project, lab, sources
        self.point, self.when = point, when
        self.folder = state / f"{when}-{point}"
        self.folder.mkdir(mode=0o700)
        self.counter = self.folder / "writes"
        self.counter.write_text("0")
        self.url = f"sqlite:///{self.folder / 'journal.db'}"

    def carry_out(self):
        restore_lab(self.lab)
        requests = len(self.lab.request_log.read_text().splitlines())
        killed, ended_before, said = False, {}, []
        for _ in range(PARTS):
            status = self.part()
            if os.WIFSIGNALED(status):
                assert os.WTERMSIG(status) == signal.SIGKILL
                killed = True
                ended_before = self.look(ended_well)
                if self.look(is_over):
                    break
            code = -1 if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)
            if code in {0, ENDS["failed"], 1}:
                break
            if code == ENDS["waiting"]:
                said += self.look(self.answer)
        return {
            "point": self.point,
            "killed": killed,
            "writes": int(self.counter.read_text()),
            "said": said,
            "error": (self.folder / "error").read_text() if (self.folder / "error").exists() else "",
            **self.look(lambda run, journal: self.target_side(run, journal, requests)),
            **self.look(lambda run, journal: kept(run, journal, ended_before)),
        }

    def part(self):
        """Fork an engine that runs (or resumes) as far as it can; gives its wait status."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = ENDS[self.engine()]
            except BaseException:  # noqa: BLE001 - a fork must never return into the code that forked it
                (self.folder / "error").write_text(traceback.format_exc())
            finally:
                os._exit(code)
        return os.waitpid(child, 0)[1]

    def engine(self):
        project = self.project
        inner = open_journal(self.url, project=ROOT, create=True)
        journal = KillingJournal(inner, self.counter, frozenset({self.point}), self.when)
        heads = journal.runs(limit=1)
        tools = {"listener": Silence(), "interrupts": Interrupts()}
        if heads:
            return resume_run(project, ResumeRequest(heads[0].id), journal, **tools).end
        manifest = json.loads(self.lab.snapshot_manifest.read_bytes())["content_sha256"]
        given = ("incident=OPS-1042", f"manifest_sha256={manifest}")
        request = PlanRequest("region-failover", ("demo", *self.sources), given)
        return run_runbook(project, RunRequest(request), prepare_plan(project, request), journal, **tools).end

    def look(self, at):
        """Open the journal for a moment; no connection may be open while an engine is forked."""
        journal = open_journal(self.url, project=ROOT, create=True)
        try:
            heads = journal.runs(limit=1)
            return at(heads[0].id, journal) if heads else {}
        finally:
            journal.close()

    def answer(self, run, journal):
        """Do what the people do: approve the gate, and look what became of a mail in doubt."""
        project, said = self.project, []
        for task, state in RunState(run, journal.read(run)).tasks.items():
            if state.phase is Phase.GATE:
                answer_gate(project, journal, run, task, approve=True, reason="drill", person="dana")
                said.append(f"approve {task}")
            elif state.phase is Phase.DOUBT:
                step = task.partition("@")[0]
                truth = "done" if any(f".{step}." in mail["message_id"] for mail in self.mails(run)) else "retry"
                resolve_doubt(project, journal, run, task, truth, reason="looked into the mail log", person="sam")
                said.append(f"{truth} {task}")
        return said

    def mails(self, run):
        log = self.lab.mail_dir / "log.ndjson"
        mails = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [mail for mail in mails if run in mail["message_id"]]

    def target_side(self, run, journal, requests):
        """Say what the cloud, the hosts, the name server and the mail server know of the run."""
        calls = [json.loads(line) for line in self.lab.request_log.read_text().splitlines()[requests:]]
        mails = [to for mail in self.mails(run) for to in mail["to"]]
        question = dns.message.make_query(self.lab.app_name, "CNAME")
        answer = dns.query.udp(question, self.lab.dns.host, port=self.lab.dns.port, timeout=5)
        standby = {name: app for name, app in self.lab.apps.items() if app.region == self.lab.standby_region}
        head = journal.head(run)
        return {
            "status": head.status,
            "damage": [str(damage) for damage in journal.verify()],
            "restores": sum(call["operation"] == "RestoreDBInstanceFromDBSnapshot" for call in calls),
            "deployments": {name: deploy_lines(app.dir) for name, app in standby.items()},
            "leads_to": answer.answer[0][0].to_text(),
            "mails": {to: mails.count(to) for to in mails},
        }


def is_over(run, journal):
    return RunState(run, journal.read(run)).closed is not None


def ended_well(run, journal):
    """Name the tasks whose end is recorded, with how they ended."""
    return {
        stored.event.task: str(stored.event.outcome)
        for stored in journal.read(run)
        if isinstance(stored.event, AttemptFinished) and stored.event.outcome.ended_well
    }


def kept(run, journal, before):
    """Say which recorded ends were lost, and which tasks were begun again although they had ended well."""
    now = ended_well(run, journal)
    ended, again = set(), []
    for stored in journal.read(run):
        match stored.event:
            case AttemptStarted(task=task) if task in ended:
                again.append(task)
            case AttemptFinished(task=task, outcome=outcome) if outcome.ended_well:
                ended.add(task)
    return {"lost": [task for task in before if now.get(task) != before[task]], "again": again}


def deploy_lines(folder):
    log = folder / "deploy.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


@functools.cache
def cloud(service, region):
    return boto3.session.Session().client(service, region)


def restore_lab(lab):
    """Put the target's side back to where it was when the region broke."""
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
            shutil.rmtree(app.dir / "releases", ignore_errors=True)
            for name in ("app.json", "deploy.log"):
                (app.dir / name).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
