"""aws.ssm_command against moto, where every command succeeds at once, and against the model for all that may go wrong."""

import uuid
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from support.aws_model import ModelService
from support.aws_wire import RefusedError

from runbook_engine.actions.aws.ssm_command import SsmCommand
from runbook_engine.sdk import ActionFailedError, DeadlineError

STANDBY = "eu-west-1"
ACTION = SsmCommand()
ONE, TWO = "i-0123456789abcdef0", "i-0123456789abcdef1"
RESTART = {"instances": [ONE], "commands": ["systemctl restart app"], "region": STANDBY, "poll": "1s"}
WEB = {**RESTART, "instances": [], "tags": {"role": ["web"]}}
SEND = "ssm:SendCommand"


def test_a_command_is_sent_once_in_a_run(moto, cloud, step, looks_without_writing):
    context = cloud(moto.endpoint)
    assert looks_without_writing(moto, ACTION, RESTART, context).status == "unsatisfied"
    outcome, _, outputs = step(ACTION, RESTART, context)
    assert (outcome, outputs["exit_status"]) == ("changed", 0)
    assert outputs["results"][ONE]["exit_status"] == 0
    assert step(ACTION, RESTART, context)[0] == "unchanged"
    assert moto.count(SEND) == 1


@pytest.mark.parametrize("other", [{"commands": ["systemctl stop app"]}, {"run": "run-2"}, {"task": "step@other"}])
def test_another_run_task_or_content_is_another_command(moto, cloud, step, other):
    context = cloud(moto.endpoint)
    step(ACTION, RESTART, context)
    params = {**RESTART, **({"commands": other["commands"]} if "commands" in other else {})}
    facts = {key.replace("run", "id"): value for key, value in other.items() if key != "commands"}
    context.run = context.run.model_copy(update=facts)
    assert step(ACTION, params, context)[0] == "changed"
    assert moto.count(SEND) == 2


def test_a_lost_reply_is_not_a_second_command(moto, cloud, survives_a_lost_reply):
    survives_a_lost_reply(moto, SEND, ACTION, RESTART, cloud(moto.endpoint))


class Ssm(ModelService):
    """Systems Manager that takes four looks to run a command, and shows a command one look after it was sent."""

    service = "ssm"

    def __init__(self):
        self.sent, self.looks, self.hidden = [], 4, 1
        self.ends = {ONE: ("Success", "Success", 0, "fine\n", "")}

    def send_command(self, asked, region):
        assert asked["TimeoutSeconds"] == 600
        self.sent.append({"CommandId": str(uuid.UUID(int=len(self.sent))), "asked": asked, "looks": self.looks})
        return {"Command": self._shown(self.sent[-1])}

    def list_commands(self, asked, region):
        if "CommandId" not in asked:
            assert asked["Filters"][0]["key"] == "InvokedAfter"
            return {"Commands": [self._shown(one) for one in self.sent]}
        if self.hidden:
            self.hidden -= 1
            raise RefusedError("InvalidCommandId")
        one = next(one for one in self.sent if one["CommandId"] == asked["CommandId"])
        one["looks"] = max(one["looks"] - 1, 0)
        return {"Commands": [self._shown(one)]}

    def list_command_invocations(self, asked, region):
        return {"CommandInvocations": [{"InstanceId": name} for name in self.ends]}

    def get_command_invocation(self, asked, region):
        if asked["InstanceId"] not in self.ends:
            raise RefusedError("InvocationDoesNotExist")
        status, details, exit_status, out, err = self.ends[asked["InstanceId"]]
        return {
            "InstanceId": asked["InstanceId"],
            "Status": status,
            "StatusDetails": details,
            "ResponseCode": exit_status,
            "StandardOutputContent": out,
            "StandardErrorContent": err,
        }

    def _shown(self, one):
        bad = next((end for end in self.ends.values() if end[0] != "Success"), ("Success", "Success"))
        status, details = ("InProgress", "InProgress") if one["looks"] else bad[:2]
        return {
            "CommandId": one["CommandId"],
            "Comment": one["asked"]["Comment"],
            "Status": status,
            "StatusDetails": details,
            "RequestedDateTime": datetime.now(UTC),
            "TargetCount": len(self.ends),
            "CompletedCount": 0 if one["looks"] else len(self.ends),
        }


@pytest.fixture
def fake():
    return Ssm()


@pytest.fixture
def faults(modelled, fake):
    return modelled(fake)


def apply(context, **params):
    return ACTION.apply(ACTION.Params.model_validate({**WEB, **params}), context)


def test_a_slow_command_is_waited_for_and_its_output_kept(faults, fake, cloud, survives_a_lost_reply):
    fake.ends[TWO] = ("Success", "Success", 0, "fine too\n", "a warning\n")
    context = cloud(faults.endpoint)
    outcome, _, outputs = survives_a_lost_reply(faults, SEND, ACTION, WEB, context)
    assert (outcome, len(fake.sent)) == ("changed", 1)
    assert any("InProgress (0 of 2)" in text for text in context.progress_texts)
    assert outputs["results"][TWO] == {
        "status": "Success",
        "exit_status": 0,
        "stdout": "fine too\n",
        "stderr": "a warning\n",
    }
    assert ("stderr", f"{TWO}:\na warning\n".encode()) in context.outputs
    assert fake.sent[0]["asked"]["Targets"] == [{"Key": "tag:role", "Values": ["web"]}]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (("Failed", "Failed", 3, "", "no such unit\n"), f"ended as Failed: {TWO} Failed, exit status 3: no such unit"),
        (("TimedOut", "Delivery Timed Out", -1, "", ""), f"{TWO} Delivery Timed Out"),
        (("Failed", "Undeliverable", -1, "", ""), f"{TWO} Undeliverable"),
        (("Cancelled", "Cancelled", -1, "", ""), f"{TWO} Cancelled"),
    ],
)
def test_a_bad_end_says_of_which_instance_and_is_sent_again_by_a_new_attempt_only(
    faults, fake, cloud, look, end, words
):
    fake.ends[TWO] = end
    context = cloud(faults.endpoint)
    with pytest.raises(ActionFailedError) as failed:
        apply(context)
    assert words in failed.value.message
    assert ("online" in failed.value.hint) == ("eliver" in end[1])
    assert look(ACTION, WEB, context).status == "unsatisfied"
    with pytest.raises(ActionFailedError):
        apply(context)
    assert len(fake.sent) == 1
    fake.ends[TWO] = ("Success", "Success", 0, "", "")
    context.run = context.run.model_copy(update={"token": "f" * 64})
    fake.sent[0]["looks"] = 0
    fake.ends[TWO] = end
    with pytest.raises(ActionFailedError):
        apply(context)
    assert len(fake.sent) == 2


def test_a_new_attempt_waits_for_the_command_of_an_old_one(faults, fake, cloud):
    fake.looks = 10
    context = cloud(faults.endpoint)
    with pytest.raises(DeadlineError):
        apply(context, timeout="2s")
    context.run = context.run.model_copy(update={"token": "f" * 64})
    apply(context)
    assert len(fake.sent) == 1


def test_tags_that_no_instance_has_are_no_success(faults, fake, cloud, look):
    fake.ends.clear()
    context = cloud(faults.endpoint)
    with pytest.raises(ActionFailedError, match="no managed instance of eu-west-1 is role=web"):
        apply(context)
    assert look(ACTION, WEB, context).status == "unsatisfied"


def test_what_is_not_needed_changes_nothing(faults, fake, cloud):
    fake.ends[ONE] = ("Success", "Success", 0, "runbook-engine: not needed\n", "")
    applied = apply(cloud(faults.endpoint), unless="it's there")
    assert not applied.changed
    first = fake.sent[0]["asked"]["Parameters"]["commands"][0]
    assert first.startswith("if /bin/sh -c 'it'\"'\"'s there' ")


def test_the_probe_decides_in_a_real_shell(tmp_path):
    """The script that Systems Manager would run."""
    import subprocess

    from runbook_engine.actions.aws.ssm_params import document_parameters
    from runbook_engine.testing import make_context

    params = ACTION.Params.model_validate(
        {**RESTART, "commands": ["echo did it"], "unless": f"test -e '{tmp_path}/it'"}
    )
    script = "\n".join(document_parameters(params, make_context())["commands"])
    assert subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True).stdout == b"did it\n"
    (tmp_path / "it").touch()
    assert (
        subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True).stdout
        == b"runbook-engine: not needed\n"
    )


def test_an_instance_that_systems_manager_does_not_know_is_told(faults, cloud):
    faults.refuse(SEND, "InvalidInstanceId")
    with pytest.raises(ActionFailedError, match="InvalidInstanceId") as failed:
        apply(cloud(faults.endpoint))
    assert "agent" in failed.value.hint


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tags": {"role": ["web"]}}, "exactly one of instances and tags"),
        ({"commands": []}, "which need them"),
        ({"document": "AWS-ApplyPatch"}, "others take parameters"),
        ({"document": "AWS-RunPowerShellScript", "unless": "x"}, "unless goes with"),
        ({"parameters": {"commands": ["x"]}}, "not given as parameters"),
        ({"delivery": "10s"}, "30s at least"),
        ({"instances": ["web1"]}, "instances"),
    ],
)
def test_what_does_not_fit_together_is_refused(wrong, words):
    with pytest.raises(ValidationError, match=words):
        ACTION.Params.model_validate({**RESTART, **wrong})
