"""The hands an action is given, made of fakes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runbook_engine.sdk import (
    Action,
    ActionFailedError,
    DeadlineError,
    JsonObject,
    JsonValue,
    Mode,
    RunFacts,
    ServiceUnreachableError,
    Target,
)
from runbook_engine.testing.clock import ManualClock
from runbook_engine.testing.host import FakeConnection
from runbook_engine.testing.services import FakeAws, FakeAwsClient, FakeHttp, FakeSql, MemoryMailer

RUN = RunFacts(
    id="run-1",
    mode=Mode.LIVE,
    runbook="test",
    step="step",
    task="step@localhost",
    token="0123456789abcdef" * 4,
    operator="ada",
)


def _as_is(text: str) -> str:
    return text


@dataclass(slots=True)
class FakeContext:
    """Implements the action context; every attribute may be set, and be looked at afterwards.

    Attributes:
        databases: by URL.
        project: the project's files by path.
        renderer: renders a template's text; as it stands unless told.
        audiences: addresses by audience; in a drill `sandbox` takes their place.
        timeout: seconds that the step may take, from the clock's start.
        progress_texts, outputs: what the action said and put out.
    """

    connection: Any = field(default_factory=FakeConnection)
    http: Any = field(default_factory=FakeHttp)
    mail: Any = field(default_factory=MemoryMailer)
    cloud: FakeAws = field(default_factory=FakeAws)
    databases: Mapping[str, FakeSql] = field(default_factory=dict)
    clock: ManualClock = field(default_factory=ManualClock)
    run: RunFacts = RUN
    target: Target = field(default_factory=lambda: Target(name="localhost"))
    recorded: JsonObject = field(default_factory=dict)
    project: Mapping[str, bytes] = field(default_factory=dict)
    renderer: Callable[[str], str] = _as_is
    audiences: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sandbox: Sequence[str] = ()
    timeout: float = 1800.0
    progress_texts: list[str] = field(default_factory=list)
    outputs: list[tuple[str, bytes]] = field(default_factory=list)
    is_read_only: bool = False

    def reading(self, action: Action[Any], params: Any) -> "FakeContext":
        """Give the same hands as a check gets them: read-only."""
        return replace(
            self,
            connection=self.connection.read_only(tuple(action.probe_commands(params))),
            http=self.http.read_only(),
            mail=self.mail.read_only(),
            databases={url: database.read_only() for url, database in self.databases.items()},
            is_read_only=True,
        )

    def with_recorded(self, outputs: Mapping[str, JsonValue]) -> "FakeContext":
        """Give the same hands as a revert gets them, after these outputs."""
        return replace(self, recorded=dict(outputs))

    def aws(
        self,
        service: str,
        *,
        region: str,
        account: str | None = None,
        role: str | None = None,
        endpoint: str | None = None,
    ) -> FakeAwsClient:
        """Give a client of the fake AWS."""
        del account, role, endpoint
        return self.cloud.client(service, region=region, read_only=self.is_read_only)

    def sql(self, url: str) -> FakeSql:
        """Give a database by URL; one that isn't listed can't be reached."""
        if url not in self.databases:
            raise ServiceUnreachableError(f"there is no database at {url}")
        return self.databases[url]

    def project_file(self, path: str) -> bytes:
        """Read a file of the project."""
        if path not in self.project:
            raise ActionFailedError(f"the project has no file {path}")
        return self.project[path]

    def render(self, text: str) -> str:
        """Render a template's text."""
        return self.renderer(text)

    def recipients(self, channel: str, *, audience: str | None, literal: Sequence[str]) -> tuple[str, ...]:
        """Give the recipients, in a drill the sandbox's."""
        if self.run.mode is Mode.DRILL:
            if not self.sandbox:
                raise ActionFailedError(f"it is a drill and there is no sandbox for {channel}")
            return tuple(self.sandbox)
        if audience is None:
            return tuple(literal)
        if audience not in self.audiences:
            raise ActionFailedError(f"there is no audience {audience}")
        return tuple(self.audiences[audience])

    def progress(self, text: str) -> None:
        """Keep the text."""
        self.progress_texts.append(text)

    def output(self, stream: str, data: bytes) -> None:
        """Keep the output."""
        self.outputs.append((stream, data))

    def remaining(self) -> float:
        """Seconds until the timeout."""
        return self.timeout - self.clock.monotonic()

    def pause(self, seconds: float) -> None:
        """Let the manual clock pass, to the timeout at most."""
        if seconds >= self.remaining():
            self.clock.advance(max(self.remaining(), 0.0))
            raise DeadlineError(f"the step's timeout of {self.timeout:g} s passed")
        self.clock.advance(max(seconds, 0.001))


def make_context(**hands: Any) -> FakeContext:
    """Make the hands of an action; keywords are `FakeContext`'s attributes."""
    return FakeContext(**hands)
