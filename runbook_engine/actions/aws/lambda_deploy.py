"""aws.lambda_deploy: a Lambda function has its code, its alias points to it, and executions are reserved."""

from typing import ClassVar

from runbook_engine.actions.aws.before import noted, recorded_before, remember
from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.lambda_functions import (
    FAILED,
    LATEST,
    READY,
    Function,
    find_alias,
    find_function,
    reserved_concurrency,
)
from runbook_engine.actions.aws.lambda_params import LambdaOutputs, LambdaParams
from runbook_engine.actions.aws.marks import tag_value
from runbook_engine.actions.aws.waiting import Seen, in_words, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsClient,
    Change,
    Finding,
    JsonValue,
    satisfied,
    unsatisfied,
)

HINT = "see its reason; the image or package must be in this region and its role be allowed to read it"


class LambdaDeploy(Action[LambdaParams]):
    """Deploy a Lambda function's code, point its alias to it, and reserve executions.

    check: compares the code by its SHA-256 or image digest, the alias, and the reserved concurrency. A function, alias
    or version that is not there fails the step, in a dry run too.
    apply: uploads the code, waits until Lambda has updated the function, and compares the checksum before it goes on;
    publishes a version (Lambda publishes none twice of one code), points the alias to it with all traffic; reserves.
    A failed update fails the step with Lambda's reason, and the alias stays where it was.
    revert: points the alias back and sets the concurrency that was. Code of a function without alias is not kept by
    AWS: deploy the old package by another step.
    Event sources are switched by aws.rule_state.
    """

    name = "aws.lambda_deploy"
    eventual = True
    aws_reads = (
        "lambda:GetFunctionConfiguration",
        "lambda:GetFunction",
        "lambda:GetAlias",
        "lambda:GetFunctionConcurrency",
        "lambda:ListTags",
    )
    aws_writes = (
        "lambda:UpdateFunctionCode",
        "lambda:PublishVersion",
        "lambda:UpdateAlias",
        "lambda:PutFunctionConcurrency",
        "lambda:DeleteFunctionConcurrency",
        "lambda:TagResource",
    )
    aws_permissions = ("s3:GetObject", "s3:GetObjectVersion", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    duration = "10 s to 2 min"
    tested = ("moto, amended", "model")
    Params = LambdaParams
    Outputs = LambdaOutputs
    example: ClassVar[str] = """\
aws.lambda_deploy:
  function: orders
  package:
    bucket: releases-eu-west-1
    key: orders/4.2.zip
    sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
  alias: live
  region: eu-west-1
"""

    def check(self, params: LambdaParams, context: ActionContext) -> Finding:
        """Compare."""
        functions = client(params, context, "lambda")
        latest = _look(params, functions)
        changes = []
        if params.code is not None and not latest.holds(params.code):
            changes.append(Change(what=f"code of {params.function}", before=latest.title, after=params.code))
        elif latest.seen.state != READY:
            words = in_words(latest.seen)
            changes.append(Change(what=f"state of {params.function}", before=words, after=READY))
        runs, version = latest, ""
        if params.alias is not None:
            version, whole = find_alias(functions, params.function, params.alias)
            runs = _look(params, functions, version)
            if not whole or not _as_wanted(params, latest, runs):
                points_to = version if whole else f"{version} and others"
                after = params.version or f"a version of {params.code or latest.title}"
                changes.append(Change(what=f"alias {params.alias} of {params.function}", before=points_to, after=after))
        if params.reserved_concurrency is not None:
            reserved = reserved_concurrency(functions, params.function)
            if reserved != params.reserved_concurrency:
                what = f"reserved concurrency of {params.function}"
                changes.append(Change(what=what, before=reserved, after=params.reserved_concurrency))
        if changes:
            words = ", ".join(f"{change.what} is {change.before}" for change in changes)
            return unsatisfied(words, changes=tuple(changes))
        outputs: dict[str, JsonValue] = {"function": latest.arn, "code_sha256": runs.code, "version": version}
        if before := noted(_tags(functions, latest), context):
            outputs["before"] = before
        return satisfied(f"{params.function} is deployed as wanted", outputs=outputs)

    def apply(self, params: LambdaParams, context: ActionContext) -> Applied:
        """Note, upload, publish, point, reserve."""
        functions = client(params, context, "lambda")
        latest = _look(params, functions)
        now: dict[str, JsonValue] = {}
        if params.alias is not None:
            now["version"] = find_alias(functions, params.function, params.alias)[0]
        if params.reserved_concurrency is not None:
            now["concurrency"] = reserved_concurrency(functions, params.function)
        before: dict[str, JsonValue] = {}
        if now:
            tags = _tags(functions, latest)
            before = remember(context, tags, now, lambda key, value: _tag(functions, latest, key, value))
        latest = _upload(params, context, functions, latest)
        if params.alias is not None:
            _point(params, context, functions, latest)
        if params.reserved_concurrency is not None and now["concurrency"] != params.reserved_concurrency:
            functions.call(
                "put_function_concurrency",
                FunctionName=params.function,
                ReservedConcurrentExecutions=params.reserved_concurrency,
            )
        return Applied(summary=f"deployed {params.function}", outputs={"before": before} if before else {})

    def revert(self, params: LambdaParams, context: ActionContext) -> Applied:
        """Point the alias back, and reserve what was."""
        before = recorded_before(context, params.function)
        functions = client(params, context, "lambda")
        if params.alias is not None and "version" in before:
            # A tag can't hold the dollar sign.
            _update_alias(params, functions, str(before["version"]).replace(tag_value(LATEST), LATEST))
        concurrency = before.get("concurrency")
        if concurrency == "none":
            functions.call("delete_function_concurrency", FunctionName=params.function)
        elif concurrency is not None:
            functions.call(
                "put_function_concurrency", FunctionName=params.function, ReservedConcurrentExecutions=concurrency
            )
        words = ", ".join(f"{name} {value}" for name, value in before.items())
        return Applied(summary=f"set {params.function} to {words} again")


def _look(params: LambdaParams, functions: AwsClient, version: str | None = None) -> Function:
    return find_function(functions, params.function, version, image=params.image is not None)


def _as_wanted(params: LambdaParams, latest: Function, runs: Function) -> bool:
    """Whether what an alias points to is what it shall point to; without code or version, what was uploaded last."""
    if params.version is not None:
        return runs.version == params.version
    return runs.holds(params.code if params.code is not None else latest.code)


def _tags(functions: AwsClient, function: Function) -> dict[str, str]:
    return dict(functions.call("list_tags", Resource=_bare(function)).get("Tags") or {})


def _tag(functions: AwsClient, function: Function, key: str, value: str) -> None:
    functions.call("tag_resource", Resource=_bare(function), Tags={key: value})


def _bare(function: Function) -> str:
    """Give the ARN without a version: arn:aws:lambda:REGION:ACCOUNT:function:NAME."""
    return ":".join(function.arn.split(":")[:7])


def _upload(params: LambdaParams, context: ActionContext, functions: AwsClient, latest: Function) -> Function:
    """Upload the code unless it is there and well; wait for an update that is under way before and after."""

    def look() -> Seen:
        return _look(params, functions).seen

    what = f"function {params.function}"
    if latest.seen.state != FAILED:
        wait_until(params, context, look, what=what, ready={READY}, terminal={FAILED}, hint=HINT)
    if params.code is None or (latest.holds(params.code) and latest.seen.state != FAILED):
        return latest
    source: dict[str, object] = {"ImageUri": params.image}
    if params.package is not None:
        package = params.package
        source = {"S3Bucket": package.bucket, "S3Key": package.key, "S3ObjectVersion": package.version}
    functions.call("update_function_code", FunctionName=params.function, **source)
    wait_until(params, context, look, what=what, ready={READY}, terminal={FAILED}, hint=HINT)
    updated = _look(params, functions)
    if not updated.holds(params.code):
        raise ActionFailedError(
            f"{what} now has the code {updated.title}, not {params.code}; the alias is left as it was",
            hint="the package in S3 is another than its sha256 says, or somebody else deploys at the same time",
        )
    return updated


def _point(params: LambdaParams, context: ActionContext, functions: AwsClient, latest: Function) -> None:
    """Point the alias to a version with the code, all of its traffic."""
    version, whole = find_alias(functions, params.function, params.alias or "")
    if whole and _as_wanted(params, latest, _look(params, functions, version)):
        return
    target = params.version
    if target is None:
        answer = functions.call("publish_version", FunctionName=params.function, CodeSha256=latest.code)
        target = str(answer["Version"])

    def look() -> Seen:
        return _look(params, functions, target).seen

    what = f"version {target} of {params.function}"
    wait_until(params, context, look, what=what, ready={READY}, terminal={FAILED}, hint=HINT)
    _update_alias(params, functions, target)


def _update_alias(params: LambdaParams, functions: AwsClient, version: str) -> None:
    functions.call(
        "update_alias",
        FunctionName=params.function,
        Name=params.alias,
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": {}},
    )
