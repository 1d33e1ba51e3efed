"""aws.lambda_deploy through boto3 against moto, made slow; updates that fail, against the model."""

import base64
import hashlib
import io
import zipfile

import pytest
from support.aws_model import ModelService

from runbook_engine.actions.aws.lambda_deploy import LambdaDeploy
from runbook_engine.sdk import ActionFailedError

STANDBY = "eu-west-1"
ACTION = LambdaDeploy()
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:"


def packed(text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py"), text)
    return file.getvalue()


NEW = packed("new = True")
DEPLOY = {
    "function": "orders",
    "package": {"bucket": "releases", "key": "orders.zip", "sha256": hashlib.sha256(NEW).hexdigest()},
    "alias": "live",
    "reserved_concurrency": 5,
    "region": STANDBY,
    "poll": "1s",
}


@pytest.fixture
def context(moto, cloud, boto):
    context = cloud(moto.endpoint)
    boto("s3").create_bucket(Bucket="releases", CreateBucketConfiguration={"LocationConstraint": STANDBY})
    boto("s3").put_object(Bucket="releases", Key="orders.zip", Body=NEW)
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = boto("iam").create_role(RoleName="orders", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    make = boto("lambda").create_function
    make(FunctionName="orders", Runtime="python3.13", Handler="main.run", Role=role, Code={"ZipFile": packed("")})
    make(FunctionName="boxed", PackageType="Image", Role=role, Code={"ImageUri": IMAGE + "0" * 64})
    boto("lambda").publish_version(FunctionName="orders")
    boto("lambda").create_alias(FunctionName="orders", Name="live", FunctionVersion="1")
    return context


def live(boto):
    functions = boto("lambda")
    found = functions.get_function_configuration(FunctionName="orders", Qualifier="live")
    reserved = functions.get_function_concurrency(FunctionName="orders").get("ReservedConcurrentExecutions")
    return found["Version"], found["CodeSha256"], reserved


def test_code_goes_live_then_is_unchanged_then_is_reverted(moto, context, boto, step, look, looks_without_writing):
    old = live(boto)
    finding = looks_without_writing(moto, ACTION, DEPLOY, context)
    what = ["code of orders", "alias live of orders", "reserved concurrency of orders"]
    assert [change.what for change in finding.changes] == what
    moto.slow("lambda:GetFunctionConfiguration", b'"Successful"', b'"InProgress"', 3, after="lambda:UpdateFunctionCode")
    outcome, _, outputs = step(ACTION, DEPLOY, context)
    assert outcome == "changed"
    assert any("update InProgress" in text for text in context.progress_texts)
    assert live(boto) == ("2", base64.b64encode(hashlib.sha256(NEW).digest()).decode(), 5)
    assert (outputs["version"], outputs["before"]) == ("2", {"version": 1, "concurrency": "none"})
    assert step(ACTION, DEPLOY, context)[0] == "unchanged"
    ACTION.revert(ACTION.Params.model_validate(DEPLOY), context.with_recorded(outputs))
    assert live(boto) == old
    assert look(ACTION, DEPLOY, context).status == "unsatisfied"


@pytest.mark.parametrize("operation", ["UpdateFunctionCode", "PublishVersion", "UpdateAlias"])
def test_a_lost_reply_makes_no_second_version(moto, context, boto, step, survives_a_lost_reply, operation):
    if operation == "PublishVersion":  # is repeated, and gives the version that is there
        moto.lose_reply("lambda:PublishVersion")
        with pytest.raises(Exception, match="lambda"):
            ACTION.apply(ACTION.Params.model_validate(DEPLOY), context)
        step(ACTION, DEPLOY, context)
    else:
        survives_a_lost_reply(moto, f"lambda:{operation}", ACTION, DEPLOY, context)
    versions = boto("lambda").list_versions_by_function(FunctionName="orders")["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1", "2"]
    assert step(ACTION, DEPLOY, context)[2]["before"] == {"version": 1, "concurrency": "none"}


def test_an_image_is_deployed_by_its_digest(context, step):
    params = {"function": "boxed", "image": IMAGE + "1" * 64, "region": STANDBY, "poll": "1s"}
    assert step(ACTION, params, context)[0] == "changed"
    assert step(ACTION, params, context)[0] == "unchanged"
    with pytest.raises(ActionFailedError, match="nothing is recorded of what boxed was before"):
        ACTION.revert(ACTION.Params.model_validate(params), context)


class NoImage(ModelService):
    """A function whose update fails a while after it was asked for."""

    service = "lambda"

    def __init__(self):
        self.looks, self.image = -1, IMAGE + "0" * 64

    def get_function(self, asked, region):
        configuration = {
            "FunctionName": "boxed",
            "FunctionArn": f"arn:aws:lambda:{STANDBY}:123456789012:function:boxed",
            "Version": "$LATEST",
            "CodeSha256": "0" * 64,
            "State": "Active",
            "LastUpdateStatus": "Successful" if self.looks < 0 else "InProgress",
        }
        if self.looks == 0:
            reason = {"LastUpdateStatusReason": "The image was deleted", "LastUpdateStatusReasonCode": "ImageDeleted"}
            configuration |= {"LastUpdateStatus": "Failed", **reason}
        self.looks = max(self.looks - 1, 0) if self.looks >= 0 else -1
        return {"Configuration": configuration, "Code": {"ImageUri": self.image, "ResolvedImageUri": self.image}}

    def update_function_code(self, asked, region):
        self.looks = 2
        return {"FunctionName": "boxed"}


def test_an_update_that_fails_ends_it(modelled, cloud):
    context = cloud(modelled(NoImage()).endpoint)
    params = {"function": "boxed", "image": IMAGE + "1" * 64, "region": STANDBY, "poll": "1s"}
    with pytest.raises(ActionFailedError, match=r"is failed, .*: The image was deleted"):
        ACTION.apply(ACTION.Params.model_validate(params), context)
