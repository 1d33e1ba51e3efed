"""A dry run of every AWS action by the engine itself: nothing that changes is sent, and what would change is told."""

from pathlib import Path

import boto3
import pytest
import yaml
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from support.aws_faults import Faults
from support.aws_model import ModelAws
from support.aws_scenes import ACCOUNT, MINISTACK, MODEL, MOTO, STANDBY, readable_fakes
from support.aws_wire import WireServer
from support.files import CATALOG

from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import open_project
from runbook_engine.app.report import make_report
from runbook_engine.app.run_requests import RunRequest
from runbook_engine.app.run_runbook import run_runbook
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.lab.request_log import READ_PREFIXES
from runbook_engine.model.capacity import read_additions
from runbook_engine.model.event import AttemptFinished
from runbook_engine.model.outcome import Mode

SCENES = {**MOTO, **MINISTACK, **MODEL}
# They only look, and find what they look for.
CONTENT = {
    "aws.ami_check",
    "aws.backup_check",
    "aws.dynamodb_backup_check",
    "aws.dynamodb_verify",
    "aws.ebs_snapshot_check",
    "aws.ebs_snapshot_compare",
    "aws.ecr_image_check",
    "aws.identity",
    "aws.rds_snapshot_check",
    "aws.s3_replication_check",
}
TEMPLATE = "Resources:\n  Queue: {Type: 'AWS::SQS::Queue'}\n"


class Quiet:
    """A listener that shows nothing."""

    def event(self, stored):
        """Not shown."""

    def progress(self, progress):
        """Not shown."""

    def warning(self, text):
        """Not shown."""


def boto(service, region=STANDBY):
    session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="test")
    return session.client(service, region_name=region)


def dry_run(folder: Path, faults, scenes):
    """Prepare all scenes of an emulator, and look at them in one dry run; give its tasks by action, and the calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, "/nonexistent")
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setenv("AWS_ENDPOINT_URL", faults.endpoint)
        steps = [
            {"id": action.replace(".", "-").replace("_", "-"), action: prepare(boto), "on_failure": "continue"}
            for action, prepare in scenes.items()
        ]
        (folder / "runbooks").mkdir()
        (folder / "runbook.toml").write_text("")
        (folder / "app.yml").write_text(TEMPLATE)
        (folder / "runbooks/look.yml").write_text(yaml.safe_dump({"runbook": "look", "steps": steps}))
        faults.forget()
        project = open_project(folder)
        journal = project.journal(create=True)
        request = RunRequest(PlanRequest("look"), mode=Mode.DRY_RUN)
        prepared = prepare_plan(project, request.plan)
        ended = run_runbook(project, request, prepared, journal, listener=Quiet(), interrupts=Interrupts())
        report = make_report(journal, ended.run)
        ends = {one.event.task: one.event for one in journal.read(ended.run) if isinstance(one.event, AttemptFinished)}
        journal.close()
    tasks = {step.action: step.tasks[0] for step in report.steps}
    evidence = {action: end.finding.evidence for action, task in tasks.items() if (end := ends[task.id]).finding}
    return tasks, list(faults.calls), evidence


@pytest.fixture(scope="module")
def on_moto(moto_server, tmp_path_factory):
    BackendDict.reset()
    reset_model_data()
    return dry_run(tmp_path_factory.mktemp("moto"), moto_server, MOTO)


@pytest.fixture(scope="module")
def on_ministack(ministack_server, tmp_path_factory):
    ministack_server.reset()
    return dry_run(tmp_path_factory.mktemp("ministack"), ministack_server, MINISTACK)


@pytest.fixture(scope="module")
def on_model(tmp_path_factory):
    model = ModelAws(*readable_fakes())
    faults = Faults(model)
    server = WireServer(faults)
    faults.endpoint = server.endpoint
    yield dry_run(tmp_path_factory.mktemp("model"), faults, MODEL)
    server.close()
    assert not model.problems


@pytest.mark.parametrize("name", sorted(SCENES))
def test_a_dry_run_says_what_would_change_and_changes_nothing(name, request):
    where = "on_moto" if name in MOTO else "on_ministack" if name in MINISTACK else "on_model"
    tasks, calls, evidence = request.getfixturevalue(where)
    # The log is judged by the lab's rule, which is not the one that the read-only hands are made of.
    assert [call for call in calls if not call.partition(":")[2].startswith(READ_PREFIXES)] == []
    action, task = CATALOG.get(name), tasks[name]
    assert set(action.aws_reads) & set(calls), "the emulator was not asked"
    assert set(calls) <= {"sts:GetCallerIdentity", *(read for other in tasks for read in CATALOG.get(other).aws_reads)}
    assert task.summary, task.error
    if name in CONTENT:
        assert (task.outcome, task.changes) == ("unchanged", ())
        return
    assert task.outcome == "would-change", f"{task.outcome}: {task.summary} {task.error}"
    assert task.changes
    # What it would add is told, so that readiness can hold it against the quotas.
    added = list(read_additions(evidence[name]))
    assert {one.kind for one in added if one.count} == set(action.aws_adds)
    assert all(one.region for one in added)
    for change in task.changes:
        assert change.what
        assert change.before != change.after
        assert len(str((change.before, change.after))) < 400, "nobody reads that"


def test_every_aws_action_is_looked_at():
    """An action has a scene here, or looks without writing in a test of its own."""
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    own = "\n".join(text for text in texts if "looks_without_writing(" in text)
    actions = {name: type(CATALOG.get(name)).__name__ for name in CATALOG.names() if name.startswith("aws.")}
    assert [name for name, words in actions.items() if name not in SCENES and f"{words}(" not in own] == []
