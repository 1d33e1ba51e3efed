"""Keeps one session with each instance for the whole run, and one set of AWS clients for each profile."""

import threading
from dataclasses import dataclass, field

from runbook_engine.connections.aws import AwsSession
from runbook_engine.connections.ssm_calls import SsmCalls
from runbook_engine.connections.ssm_session import SsmSession
from runbook_engine.connections.ssm_settings import SsmRoute, ssm_route
from runbook_engine.sdk import AwsClient, Target


@dataclass(slots=True)
class SsmPool:
    """The sessions of a run; safe to share between threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _aws: dict[str | None, AwsSession] = field(default_factory=dict)
    _sessions: dict[SsmRoute, SsmSession] = field(default_factory=dict)

    def session(self, target: Target) -> SsmSession:
        """Give the session with a target's instance; nothing is sent before its first use.

        Raises:
            RunbookError: a variable is not valid.
        """
        route = ssm_route(target)
        with self._lock:
            aws = self._aws.setdefault(route.profile, AwsSession(profile=route.profile))

            def client() -> AwsClient:
                return aws.client("ssm", region=route.region, read_only=False)

            calls = SsmCalls(target.name, route.instance, client, route.seconds)
            return self._sessions.setdefault(route, SsmSession(calls))
