"""Lambda functions as AWS describes them: code, state, aliases and reserved concurrency."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.waiting import Seen
from runbook_engine.sdk import ActionFailedError, AwsAnswer, AwsClient, AwsError, JsonValue

LATEST = "$LATEST"
READY, FAILED = "ready", "failed"


@dataclass(frozen=True, slots=True)
class Function:
    """A function, or one version of it.

    Attributes:
        code: base64 of its package's SHA-256.
        image: addresses of its container image, as it was given and by digest; empty for a package.
    """

    arn: str
    version: str
    code: str
    seen: Seen
    image: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict)

    def holds(self, wanted: str) -> bool:
        """Whether this code (a checksum, or an image's address by digest) is in it."""
        return wanted == self.code or wanted in self.image

    @property
    def title(self) -> str:
        """What is in it, for people."""
        return next(iter(sorted(self.image)), self.code)


def find_function(functions: AwsClient, name: str, version: str | None = None, *, image: bool = False) -> Function:
    """Describe a function.

    Args:
        version: number or alias; default: what was uploaded last.
        image: whether its image's address is wanted too. AWS then also answers with a link to the code.

    Raises:
        ActionFailedError: there is none.
    """
    operation = "get_function" if image else "get_function_configuration"
    try:
        answer = functions.call(operation, FunctionName=name, Qualifier=version)
    except AwsError as error:
        if trouble(error) is not Trouble.NOT_FOUND:
            raise
        what = f"function {name}" if version is None else f"version or alias {version} of function {name}"
        raise ActionFailedError(f"there is no {what}", hint="make it beforehand") from error
    code = answer.get("Code") or {}
    addresses = (code.get("ImageUri"), code.get("ResolvedImageUri"))
    configuration = answer["Configuration"] if image else answer
    return _function(configuration, frozenset(str(one) for one in addresses if one))


def find_alias(functions: AwsClient, name: str, alias: str) -> tuple[str, bool]:
    """Give the version that an alias points to, and whether all of its traffic goes there.

    Raises:
        ActionFailedError: there is none.
    """
    try:
        found = functions.call("get_alias", FunctionName=name, Name=alias)
    except AwsError as error:
        if trouble(error) is not Trouble.NOT_FOUND:
            raise
        raise ActionFailedError(f"function {name} has no alias {alias}", hint="make it beforehand") from error
    weights = (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return str(found["FunctionVersion"]), not weights


def reserved_concurrency(functions: AwsClient, name: str) -> JsonValue:
    """Give how many executions at once are reserved, `none` when nothing is."""
    found = functions.call("get_function_concurrency", FunctionName=name).get("ReservedConcurrentExecutions")
    return "none" if found is None else int(found)


def _function(item: AwsAnswer, image: frozenset[str]) -> Function:
    update, state = str(item.get("LastUpdateStatus") or "Successful"), str(item.get("State") or "Active")
    if "Failed" in {update, state}:
        reason = item.get("LastUpdateStatusReason") if update == "Failed" else item.get("StateReason")
        seen = Seen(FAILED, detail=str(reason or ""))
    elif update == "InProgress" or state == "Pending":
        seen = Seen(f"update {update}, {state}")
    else:
        seen = Seen(READY)
    return Function(
        arn=str(item.get("FunctionArn", "")),
        version=str(item.get("Version", LATEST)),
        code=str(item.get("CodeSha256", "")),
        seen=seen,
        image=image,
    )
