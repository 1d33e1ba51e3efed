"""fence.check: tries to write where nobody may write any more, and is content when that is refused."""

import socket
from datetime import timedelta
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    DatabaseReadOnlyError,
    Effect,
    Finding,
    Outputs,
    Params,
    PositiveDuration,
    ReadOnlyError,
    RunbookError,
    ServiceUnreachableError,
    unknown,
)

_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433, "oracle": 1521}
_NOT_FENCED = "it is NOT fenced"


class SqlWrite(Params):
    """A write that a database is to refuse."""

    url: str = Field(
        description="SQLAlchemy URL of the old primary itself; take the password from secret()",
        examples=["postgresql+psycopg://dr@db1.example.com/reviews"],
    )
    statement: str = Field(
        min_length=1,
        description="what to try, by a role that may do it; harmless, should it be taken",
        examples=["UPDATE fence_probe SET tried = now()"],
    )


class HttpWrite(Params):
    """A request that an app is to refuse."""

    url: str = Field(pattern=r"^https?://", description="where to", examples=["https://old.example.com/api/probe"])
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = Field("POST", description="the method")
    headers: dict[str, str] = Field({}, description="headers to send")
    content: str = Field("", description="the body; harmless, should it be taken")
    refuses: list[int] = Field(
        [423, 503],
        min_length=1,
        description="statuses by which it says that it takes no writes; 403 and 405 also tell of a missing right and "
        "of a wrong address, so name them only where they can't",
    )
    verify: bool = Field(default=True, description="whether the server's certificate must be trusted")


class FenceParams(Params):
    """Exactly one of `sql` and `http`."""

    sql: SqlWrite | None = Field(
        None,
        description="a database",
        examples=[{"url": "postgresql+psycopg://dr@db1/reviews", "statement": "UPDATE fence_probe SET tried = now()"}],
    )
    http: HttpWrite | None = Field(None, description="an app", examples=[{"url": "https://old.example.com/api/probe"}])
    silence: Literal["unproven", "fenced"] = Field(
        "unproven",
        description="what it means when nobody answers at its port: it may be gone, or cut off from here alone while "
        "others still write to it. Say `fenced` only when something else proves that nobody reaches it",
    )
    timeout: PositiveDuration = Field(
        timedelta(seconds=10),
        description="for an app's answer, and for a look at a port that did not answer; a database has 10 s to connect",
        examples=["10s"],
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.sql is None) == (self.http is None):
            raise ValueError("give exactly one of sql and http")
        return self


class FenceOutputs(Outputs):
    """How it refused."""

    refused: str = Field("", description="the words or the status by which it did")


class FenceCheck(Action[FenceParams]):
    """Prove that an old primary is fenced, by a write that it must refuse.

    check: nobody can tell without trying, so that a dry run leaves it unproven.
    apply: tries the write. Fenced is what says that it takes no writes, or whose machine refuses the connection. The
    step fails when the write was taken (it stays: the statement is yours), when it was refused for another reason (a
    missing table or right, or a login that is refused, proves nothing), and when nobody answers, unless `silence` says
    otherwise. It can be made again.
    """

    name = "fence.check"
    effect = Effect.TOKEN
    reversible = False
    Params = FenceParams
    Outputs = FenceOutputs
    example: ClassVar[str] = """\
fence.check:
  sql:
    url: postgresql+psycopg://dr@db1.example.com/reviews
    statement: UPDATE fence_probe SET tried = now()
"""

    def check(self, params: FenceParams, context: ActionContext) -> Finding:
        """Say what would be tried."""
        del context
        tried = params.sql.statement if params.sql is not None else ""
        if params.http is not None:
            tried = f"{params.http.method} {params.http.url}"
        change = Change(what="write that is to be refused", after=tried)
        return unknown("only trying to write would tell", changes=(change,))

    def apply(self, params: FenceParams, context: ActionContext) -> Applied:
        """Try it."""
        try:
            words = _by_sql(params.sql, context) if params.sql is not None else _by_http(params, context)
        except ServiceUnreachableError as error:
            url = params.sql.url if params.sql is not None else params.http.url if params.http is not None else ""
            port = _look(url, min(params.timeout.total_seconds(), context.remaining()))
            if port == "refused":
                words = "its machine refuses the connection"
            elif port == "silent" and params.silence == "fenced":
                words = f"nobody answers, which is to count as fenced: {error.message}"
            else:
                why = "nobody answers" if port == "silent" else "something listens there, or nobody can tell"
                raise ActionFailedError(
                    f"{why}, so nothing is proven: {error.message}",
                    hint="fence it where it can be reached, or prove otherwise that nobody reaches it",
                ) from error
        return Applied(summary=f"fenced: {words}", outputs={"refused": words}, changed=False)


def _by_sql(write: SqlWrite, context: ActionContext) -> str:
    """Give the words by which the database refuses.

    Raises:
        ActionFailedError: it did not, or for a reason that proves nothing.
    """
    try:
        context.sql(write.url).query(write.statement)
    except (ServiceUnreachableError, ReadOnlyError):
        raise
    except DatabaseReadOnlyError as error:
        return error.message
    except RunbookError as error:
        raise ActionFailedError(
            f"the write was refused for a reason that proves nothing: {error.message}",
            hint="try a statement that a primary would take from this role",
        ) from error
    raise ActionFailedError(f"{_NOT_FENCED}: the database took the write", hint="fence it before anything else writes")


def _by_http(params: FenceParams, context: ActionContext) -> str:
    """Give the status by which the app refuses.

    Raises:
        ActionFailedError: it did not, or by a status that proves nothing.
    """
    write = params.http
    if write is None:
        raise ActionFailedError("there is nothing to try")
    answer = context.http.request(
        write.method,
        write.url,
        headers=write.headers,
        content=write.content.encode(),
        timeout=min(params.timeout.total_seconds(), context.remaining()),
        verify=write.verify,
        redirects=0,
        max_bytes=100_000,
    )
    if answer.status in write.refuses:
        return f"status {answer.status}"
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's successes
        raise ActionFailedError(
            f"{_NOT_FENCED}: the app took the write with status {answer.status}",
            hint="fence it before anything else writes",
        )
    raise ActionFailedError(
        f"status {answer.status} proves nothing; fenced are {', '.join(map(str, write.refuses))}",
        hint="try a request that the app would take, or name the status in refuses",
    )


def _look(url: str, timeout: float) -> Literal["refused", "listening", "silent", "unknown"]:
    """Tell what is at the port: refused by the machine at each of its addresses, or silent, or unknown (a socket)."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme.partition("+")[0])
    if not parts.hostname or port is None:
        return "unknown"
    try:
        with socket.create_connection((parts.hostname, port), timeout=max(timeout, 0.001), all_errors=True):
            return "listening"
    except ExceptionGroup as group:
        return "refused" if all(isinstance(error, ConnectionRefusedError) for error in group.exceptions) else "silent"
    except OSError:
        return "silent"
