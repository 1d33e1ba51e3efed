"""Runs scripts on one instance by Systems Manager's SendCommand, and says what its many ways to fail mean.

Every script given to it must be harmless when it runs twice: SendCommand takes no idempotency token, so that a call
whose answer was lost is sent again.
"""

import random
import time
from collections.abc import Callable

from runbook_engine.sdk import (
    AwsAnswer,
    AwsClient,
    AwsError,
    NoConnectionError,
    RunbookError,
    ServiceUnreachableError,
    TargetUnreachableError,
    format_seconds,
)

_SHORTEST_DELIVERY = 30  # what SendCommand demands
_SENDS = 4
_FIRST_LOOK, _LONGEST_LOOK = 0.15, 2.0
_APPEARS = 15.0  # an invocation can be looked at only a while after its command was sent
_SLACK = 30.0
_OVER = frozenset({"Success", "Failed", "Cancelled", "TimedOut", "Cancelling"})
# The service refuses the command: nothing was sent to the instance.
_NOT_THERE = frozenset({"InvalidInstanceId", "InvalidInstanceInformationFilterValue", "UnsupportedPlatformType"})


class SsmCalls:
    """Scripts on one instance.

    Args:
        name: the target, for messages.
        client: gives the client; it is asked for before the first call, since credentials may be missing.
        seconds: how long the instance's agent has to take a command.
        sleep, now: wait between two looks, and tell how late it is.
    """

    def __init__(
        self,
        name: str,
        instance: str,
        client: Callable[[], AwsClient],
        seconds: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self._instance, self._client = name, instance, client
        self._seconds = max(float(_SHORTEST_DELIVERY), seconds)
        self._sleep, self._now = sleep, now

    def run(self, script: str, seconds: float) -> str:
        """Run a script that ends within `seconds` by itself; gives its standard output.

        Raises:
            NoConnectionError: the instance did not get it.
            TargetUnreachableError: nobody knows whether it ran, or it failed.
        """
        client, command = self._send(script, seconds)
        answer = self._awaited(client, command, seconds)
        details = str(answer.get("StatusDetails") or answer.get("Status"))
        if answer.get("Status") == "Success":
            return str(answer.get("StandardOutputContent") or "")
        words = str(answer.get("StandardErrorContent") or answer.get("StandardOutputContent") or "").strip()[-300:]
        told = f"{self.name}: SSM command {command} on {self._instance}: {details}"
        kind = details.replace(" ", "").lower()
        if kind in ("undeliverable", "deliverytimedout"):
            raise NoConnectionError(f"{told}: the instance did not take it", hint=_AGENT)
        raise TargetUnreachableError(f"{told}: {words}" if words else told, hint="what it did until then is unknown")

    def _send(self, script: str, seconds: float) -> tuple[AwsClient, str]:
        for attempt in range(_SENDS):
            try:
                client = self._client()
                sent = client.call(
                    "send_command",
                    InstanceIds=[self._instance],
                    DocumentName="AWS-RunShellScript",
                    Comment="runbook-engine",
                    TimeoutSeconds=int(self._seconds),
                    Parameters={"commands": [script], "executionTimeout": [str(int(seconds + _SLACK))]},
                )
                return client, str(sent["Command"]["CommandId"])
            except ServiceUnreachableError as error:
                if attempt + 1 == _SENDS:
                    raise TargetUnreachableError(f"{self.name}: {error.message}", hint=error.hint) from error
            except AwsError as error:
                hint = _AGENT if error.code in _NOT_THERE else error.hint
                raise NoConnectionError(f"{self.name}: {error.message}", hint=hint) from error
            self._sleep(random.uniform(0.5, 1.0) * 2**attempt)  # noqa: S311 - jitter, not a secret
        raise AssertionError("the last attempt returns or raises")

    def _awaited(self, client: AwsClient, command: str, seconds: float) -> AwsAnswer:
        """Look until the command is over; one that nobody took in time is cancelled."""
        began = self._now()
        until = began + self._seconds + seconds + _SLACK
        pause = _FIRST_LOOK
        last: RunbookError | None = None
        while True:
            self._sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 1.5, _LONGEST_LOOK)
            now = self._now()
            try:
                answer = client.call("get_command_invocation", CommandId=command, InstanceId=self._instance)
                if answer.get("Status") in _OVER:
                    return answer
            except ServiceUnreachableError as error:
                last = error
            except AwsError as error:
                if error.code != "InvocationDoesNotExist" or now - began > _APPEARS:
                    raise TargetUnreachableError(f"{self.name}: {error.message}", hint=error.hint) from error
            if now >= until:
                break
        self._cancel(client, command)
        why = f": {last.message}" if last is not None else ""
        waited = format_seconds(until - began)
        raise TargetUnreachableError(
            f"{self.name}: SSM command {command} on {self._instance} did not end within {waited}{why}",
            hint="whether it ran is unknown",
        )

    def _cancel(self, client: AwsClient, command: str) -> None:
        try:
            client.call("cancel_command", CommandId=command, InstanceIds=[self._instance])
        except (AwsError, ServiceUnreachableError):
            return  # told already: whether it ran is unknown


_AGENT = "is the instance running, its SSM agent online (`aws ssm describe-instance-information`), the region right?"
