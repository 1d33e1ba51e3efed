"""What AWS's error codes mean for an action, whatever the service calls them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from runbook_engine.sdk import AwsError


class Trouble(StrEnum):
    """A kind of error.

    `transient` errors pass by themselves; a read may be repeated after them.
    """

    NOT_FOUND = "not found"
    EXISTS = "exists"
    BUSY = "busy"
    TRANSIENT = "transient"
    CAPACITY = "capacity"
    QUOTA = "quota"
    DENIED = "denied"
    CREDENTIALS = "credentials"
    KEY = "key"
    OTHER = "other"


# The first pattern that matches decides. Sources: the error shapes of botocore 1.43's service models, and the codes of
# EC2 and S3, which no model lists.
_PATTERNS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (Trouble.CREDENTIALS, r"ExpiredToken|RequestExpired|InvalidClientTokenId|UnrecognizedClient|NoCredentials"),
        (
            Trouble.KEY,
            r"KMSKeyNotAccessible|KMS\.|KmsKey|InvalidKMSKey|KMSInvalidState|DisabledException$|KeyUnavailable",
        ),
        (Trouble.DENIED, r"AccessDenied|Unauthorized|NotAuthorized|AuthFailure|OptInRequired|^403$|Forbidden"),
        (Trouble.CAPACITY, r"Insufficient\w*Capacity|CapacityNotAvailable|^Unsupported$"),
        (Trouble.TRANSIENT, r"Throttl|RequestLimitExceeded|SlowDown|TooManyRequests|BandwidthLimit|PriorRequestNot"),
        (
            Trouble.TRANSIENT,
            r"ProvisionedThroughputExceeded|^5\d\d$|Internal(Failure|Error|Server)|(Service|Temporarily)Unavailable",
        ),
        (Trouble.QUOTA, r"Quota|LimitExceeded|TooMany|MaximumLimit|ResourceCountExceeded"),
        (Trouble.NOT_FOUND, r"NotFound|NoSuch|DoesNotExist|UnknownResource|^404$"),
        (Trouble.EXISTS, r"AlreadyExist|ResourceExists|\.Duplicate|AlreadyOwned|TableInUse"),
        (Trouble.BUSY, r"InUse|Invalid\w*State|IncorrectState|Conflict|Operation\w*InProgress|PendingModification"),
        (Trouble.BUSY, r"ActivityInProgress|ResourceContention"),
    )
)
_HINTS = {
    Trouble.CAPACITY: "AWS has too little of it now: try another zone or class, or wait; reserve it for the next time",
    Trouble.QUOTA: "have the quota raised (Service Quotas of that region), or make room",
    Trouble.DENIED: "`runbook actions --iam RUNBOOK` prints the policy that it needs",
    Trouble.KEY: "the KMS key must be of that region, enabled, and its policy must allow this role to use it",
    Trouble.BUSY: "something else works on it; look at its state, then run the step again",
}


def trouble(error: AwsError) -> Trouble:
    """Say which kind of error it is, by its code."""
    return next((kind for kind, pattern in _PATTERNS if pattern.search(error.code)), Trouble.OTHER)


@contextmanager
def passing_over(*kinds: Trouble) -> Iterator[None]:
    """Go on after an error of these kinds: what was asked for is so already, or somebody is at it."""
    try:
        yield
    except AwsError as error:
        if trouble(error) not in kinds:
            raise


def explained(error: AwsError) -> AwsError:
    """Give the error with a hint what to do, if it has none."""
    hint = error.hint or _HINTS.get(trouble(error), "")
    if hint == error.hint:
        return error
    return AwsError(error.message, code=error.code, operation=error.operation, hint=hint)
