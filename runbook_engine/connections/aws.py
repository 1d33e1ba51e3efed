"""AWS clients with bounds: a check's clients refuse what isn't a read, and a lost answer is never a second call."""

import functools
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from runbook_engine.connections.aws_errors import failures, is_throttled, meaning, no_credentials
from runbook_engine.connections.aws_reads import is_read
from runbook_engine.sdk import AwsAnswer, AwsError, ReadOnlyError, RunbookError

if TYPE_CHECKING:
    import boto3
    import botocore.loaders
    import botocore.session

BODY_LIMIT = 64 << 20
_ATTEMPTS = 6
_ONE_OF_SEVERAL = 10.0  # seconds to read from an endpoint in whose place there are others


class AwsSession:
    """Makes and keeps AWS clients; safe to share between threads.

    Args:
        connect_seconds, read_seconds: of one request.
        attempts: how often a read, or a throttled change, is sent at most; None for what AWS's configuration says
            (`max_attempts`, AWS_MAX_ATTEMPTS), and 6 where it says nothing.
        sleep: waits between attempts of a throttled change.
        profile: of the AWS configuration; None for what the environment says.
        config_file: AWS configuration (profiles, endpoints, keys) to use in place of the user's own files.
    """

    def __init__(
        self,
        *,
        connect_seconds: float = 5.0,
        read_seconds: float = 60.0,
        attempts: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
        profile: str | None = None,
        config_file: Path | None = None,
    ) -> None:
        self._profile, self._config_file = profile, config_file
        self._timeouts = (connect_seconds, read_seconds)
        self._attempts = attempts
        self._sleep = sleep
        self._lock = threading.Lock()
        self._sessions: dict[str | None, boto3.Session] = {}
        self._clients: dict[tuple[str, str, str | None, str | None, str], Any] = {}
        self._accounts: dict[str | None, str] = {}

    def client(
        self,
        service: str,
        *,
        region: str,
        role: str | None = None,
        account: str | None = None,
        endpoint: str | None = None,
        read_only: bool,
    ) -> "BotoClient":
        """Give a client for a service; with `role` (an ARN) that role is assumed first.

        Args:
            account: refuse credentials of any other account.
            endpoint: URL of one of several endpoints: nothing is sent to it twice, and an answer is waited for 10 s.

        Raises:
            AwsError: no credentials, or those of another account.
            ServiceUnreachableError: STS did not answer.
            RunbookError: no such service.
        """
        if account is not None:
            self._prove_account(account, region, role)
        reads = self._made(service, region, role, endpoint, "check" if read_only else "read")
        writes = reads if read_only else self._made(service, region, role, endpoint, "write")
        attempts = (self._attempts or _ATTEMPTS) if endpoint is None else 1
        return BotoClient(service, reads, writes, read_only=read_only, attempts=attempts, sleep=self._sleep)

    def default_region(self) -> str:
        """Give the region that the environment or the configuration names; empty when none does.

        Raises:
            AwsError: the configuration is not there, or has no such profile.
        """
        from botocore.exceptions import BotoCoreError

        try:
            with self._lock:
                return str(self._session(None, "").region_name or "")
        except BotoCoreError as error:
            raise meaning(error, "configuration", "") from error

    def _prove_account(self, account: str, region: str, role: str | None) -> None:
        found = self._accounts.get(role)
        if found is None:
            sts = self.client("sts", region=region, role=role, read_only=True)
            found = str(sts.call("get_caller_identity")["Account"])
            self._accounts[role] = found
        if found != account:
            raise AwsError(
                f"the AWS credentials belong to account {found}, not to {account}",
                code="WrongAccount",
                hint="choose the right profile or role before anything is done",
            )

    def _made(
        self, service: str, region: str, role: str | None, endpoint: str | None, use: Literal["check", "read", "write"]
    ) -> Any:
        """Give the one client of this kind; making one is not thread-safe in boto3."""
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        key = (service, region, role, endpoint, use)
        once = use == "write" or endpoint is not None
        read_seconds = self._timeouts[1] if endpoint is None else min(self._timeouts[1], _ONE_OF_SEVERAL)
        with self._lock:
            if key not in self._clients:
                try:
                    session = cast("Any", self._session(role, region))  # knows from then on how often to ask
                    config = Config(
                        connect_timeout=self._timeouts[0],
                        read_timeout=read_seconds,
                        retries={"mode": "adaptive", "total_max_attempts": 1 if once else self._attempts or _ATTEMPTS},
                        tcp_keepalive=True,
                        max_pool_connections=32,
                        user_agent_extra="runbook-engine",
                    )
                    made = session.client(service, region_name=region, endpoint_url=endpoint, config=config)
                except (BotoCoreError, ValueError) as error:
                    raise meaning(error, service, "") from error
                if use == "check":
                    # The second lock: whatever way leads to a request, it passes here under AWS's own name.
                    made.meta.events.register_first("before-parameter-build", _guard(service))
                self._clients[key] = made
            return self._clients[key]

    def _session(self, role: str | None, region: str) -> "boto3.Session":
        import boto3
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        if role in self._sessions:
            return self._sessions[role]
        base = self._sessions.get(None)
        if base is None:
            core = self._configured()
            base = self._sessions[None] = boto3.Session(botocore_session=core, profile_name=self._profile)
            _keep_models(core)
        if role is None:
            return base
        source = base.get_credentials()
        if source is None:
            raise no_credentials()
        fetcher = AssumeRoleCredentialFetcher(
            lambda service, **more: base.client(service, region_name=region, **more),
            source,
            role,
            extra_args={"RoleSessionName": "runbook-engine"},
        )
        assumed = self._configured()
        credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        # botocore has no public way to give a session credentials that renew themselves
        assumed._credentials = credentials  # type: ignore[attr-defined] # noqa: SLF001
        self._sessions[role] = boto3.Session(botocore_session=assumed)
        _keep_models(assumed)
        return self._sessions[role]

    def _configured(self) -> "botocore.session.Session":
        """Give a session that reads the configuration it is to read; endpoints are a part of that."""
        import botocore.session

        core = botocore.session.Session(profile=self._profile)
        if self._config_file is not None:
            if not self._config_file.is_file():
                raise AwsError(
                    f"the AWS configuration {self._config_file} is not there",
                    code="NoConfiguration",
                    hint="start what makes it (`runbook lab up` for the rehearsal lab), or correct aws_config_file",
                )
            for name in ("config_file", "credentials_file"):  # the user's own files must not mix in
                core.set_config_variable(name, str(self._config_file))
        if self._attempts is None:
            self._attempts = _tries(core)
        return core


class BotoClient:
    """One AWS service in one region and account, by boto3.

    Changes are sent by a client that never sends twice: when an answer is lost, nobody but a check can tell what
    happened, and most AWS operations take no idempotency token.
    """

    def __init__(
        self, service: str, reads: Any, writes: Any, *, read_only: bool, attempts: int, sleep: Callable[[float], None]
    ) -> None:
        self._service, self._reads, self._writes = service, reads, writes
        self._read_only, self._attempts, self._sleep = read_only, attempts, sleep

    def call(self, operation: str, **parameters: object) -> AwsAnswer:
        """Call an operation by its Python name (`describe_db_instances`); a streamed body is given as bytes.

        Raises:
            AwsError: AWS refused, or a body is longer than 64 MiB.
            ReadOnlyError: the operation is not a read and these are a check's hands; nothing was sent.
            ServiceUnreachableError: no answer; a change may have been made.
            RunbookError: the service has no such operation.
        """
        name = self._named(operation)
        client = self._reads if is_read(self._service, name) else self._writes
        for attempt in range(self._attempts):
            try:
                answer: AwsAnswer = getattr(client, operation)(**parameters)
                return {key: _plain(value, self._service, name) for key, value in answer.items()}
            except failures() as error:
                told = meaning(error, self._service, name)
                last = attempt + 1 == self._attempts
                if client is self._reads or last or not is_throttled(told):
                    raise told from error
            self._sleep(random.uniform(0.5, 1.0) * 2**attempt)  # noqa: S311 - jitter, not a secret
        raise AssertionError("the last attempt returns or raises")

    def pages(self, operation: str, key: str, **parameters: object) -> Iterator[AwsAnswer]:
        """Give every item under `key` of every page of a listing."""
        name = self._named(operation)
        if not self._reads.can_paginate(operation):
            yield from self.call(operation, **parameters).get(key) or ()
            return
        try:
            for page in self._reads.get_paginator(operation).paginate(**parameters):
                yield from page.get(key) or ()
        except failures() as error:
            raise meaning(error, self._service, name) from error

    def _named(self, operation: str) -> str:
        name = self._reads.meta.method_to_api_mapping.get(operation)
        if name is None:
            raise RunbookError(f"AWS {self._service} has no operation {operation}")
        if self._read_only and not is_read(self._service, name):
            raise _refused(self._service, name)
        return str(name)


@functools.cache
def service_models(data_path: str | None) -> "botocore.loaders.Loader":
    """Give what reads the services' models, and keeps them as long as the process: reading one takes 50 to 150 ms.

    Args:
        data_path: of AWS's configuration (`data_path`, AWS_DATA_PATH): where to look for more models.
    """
    import botocore.loaders

    return botocore.loaders.create_loader(data_path)


def _keep_models(core: "botocore.session.Session") -> None:
    """Let a session read models by what keeps them; boto3 has added its own folder to the session's by then."""
    core.register_component("data_loader", service_models(core.get_config_variable("data_path")))


def _tries(core: "botocore.session.Session") -> int:
    """Give what the configuration says of how often a request is sent at most (`max_attempts`), or our own number."""
    hint = "give max_attempts (AWS_MAX_ATTEMPTS) a whole number from 1, or take it out"
    try:
        said = core.get_config_variable("max_attempts")
    except ValueError as error:
        raise AwsError(f"AWS's max_attempts is no number: {error}", code="InvalidConfiguration", hint=hint) from error
    if said is not None and said < 1:
        raise AwsError(f"AWS's max_attempts is {said}", code="InvalidConfiguration", hint=hint)
    return _ATTEMPTS if said is None else int(said)


def _guard(service: str) -> Callable[..., None]:
    """Give what botocore calls before it builds a request."""

    def refuse_changes(*, model: Any, **_: object) -> None:
        if not is_read(service, model.name):
            raise _refused(service, model.name)

    return refuse_changes


def _refused(service: str, name: str) -> ReadOnlyError:
    return ReadOnlyError(f"AWS {service}:{name} is not known to be a read; a check may not call it")


def _plain(value: Any, service: str, name: str) -> Any:
    """Read a streamed body; everything else is given as it is."""
    read = getattr(value, "read", None)
    if read is None:
        return value
    content = read(BODY_LIMIT + 1)
    value.close()
    if len(content) > BODY_LIMIT:
        raise AwsError(f"AWS {service}:{name}: the body is longer than {BODY_LIMIT >> 20} MiB", code="TooLong")
    return content
