"""What botocore's errors mean: AWS refused, nobody answered, there are no credentials, or it asks for patience."""

from typing import Any

from runbook_engine.sdk import AwsError, RunbookError, ServiceUnreachableError

# The service says that it did not even begin: the only errors after which a change may be sent again unseen.
_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_PAGE = ("<!doctype html", "<html")
_CREDENTIAL_CODES = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException"}
)
_CREDENTIAL_HINT = "renew the credentials (for example `aws sso login`), then go on with the run"


def failures() -> tuple[type[Exception], ...]:
    """Give what botocore may raise; it is imported when it is first needed."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return (BotoCoreError, ClientError, ResponseParserError)


def meaning(error: Exception, service: str, operation: str) -> RunbookError:  # noqa: PLR0911 - one line a kind
    """Say what botocore's error means."""
    from botocore import exceptions as known
    from botocore.parsers import ResponseParserError

    what = f"AWS {service}:{operation}" if operation else f"AWS {service}"
    if isinstance(error, known.ClientError):
        return _answered(error, what, operation)
    if isinstance(error, ResponseParserError):
        return AwsError(f"{what}: the answer is no AWS answer: {str(error)[:200]}", code="500", operation=operation)
    if isinstance(error, known.NoCredentialsError | known.PartialCredentialsError | known.ProfileNotFound):
        return no_credentials(str(error))
    if isinstance(error, known.CredentialRetrievalError | known.UnauthorizedSSOTokenError | known.TokenRetrievalError):
        return AwsError(f"{what}: {error}", code="ExpiredToken", operation=operation, hint=_CREDENTIAL_HINT)
    if isinstance(error, known.HTTPClientError | known.ConnectionError):
        return ServiceUnreachableError(f"{what}: no answer: {error}", hint="whether it was done is unknown: check")
    if isinstance(error, known.ParamValidationError):
        return AwsError(f"{what}: {error}", code="ParamValidation", operation=operation)
    return RunbookError(f"{what}: {error}")


def is_throttled(error: RunbookError) -> bool:
    """Tell whether the service says that it did not even begin, so that a change may be sent again unseen."""
    return isinstance(error, AwsError) and error.code in _THROTTLED


def no_credentials(words: str = "there are none") -> AwsError:
    """Say that there are no credentials, and why."""
    return AwsError(
        f"AWS credentials: {words}",
        code="NoCredentials",
        hint="set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    )


def _answered(error: Any, what: str, operation: str) -> AwsError:
    details = error.response.get("Error", {})
    meta = error.response.get("ResponseMetadata", {})
    code = str(details.get("Code") or meta.get("HTTPStatusCode") or "Unknown")
    words = str(details.get("Message") or "no reason given")[:1000]
    request = f" (request {meta['RequestId']})" if meta.get("RequestId") else ""
    if words.lstrip()[:14].lower().startswith(_PAGE):  # of a proxy, or of an emulator that has no such service
        return AwsError(f"{what} did not answer ({code})", code=code, operation=operation)
    hint = _CREDENTIAL_HINT if code in _CREDENTIAL_CODES else ""
    return AwsError(f"{what}: {code}: {words}{request}", code=code, operation=operation, hint=hint)
