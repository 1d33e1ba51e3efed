"""Has jobs done by processes that outlive the engine, and reads what they say in the end."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from pydantic import SecretStr

from runbook_engine.sdk import (
    ActionContext,
    ActionFailedError,
    CancelledError,
    Command,
    CommandLostError,
    CommandTimeoutError,
    DeadlineError,
    DetachedStatus,
    JsonObject,
    RunbookError,
    ServiceUnreachableError,
    connection_kind,
)

from .git_job import JOB, TOKEN, argv

_GOING_ON = frozenset({DetachedStatus.ABSENT, DetachedStatus.STARTING, DetachedStatus.RUNNING, DetachedStatus.ORPHANS})
_LOOK = 1.0  # seconds
ALONE = (ActionFailedError, ServiceUnreachableError, CommandLostError)  # errors that are one repository's own

Item = TypeVar("Item")
Result = TypeVar("Result")


def must_be_here(context: ActionContext) -> None:
    """See that the step's target is the machine that runs the attempt: the plugin's own files work there.

    Raises:
        ActionFailedError: it is another.
    """
    target = context.target
    named = target.variables.get("ansible_connection") or ("local" if target.name == "localhost" else "ssh")
    if connection_kind(str(named)) != "local":
        raise ActionFailedError(
            f"git works on the machine that runs the engine, and {target.name} is another",
            hint="leave `targets` out; mount the folder there, or copy it afterwards",
        )


def do_job(context: ActionContext, identity: str, job: JsonObject, token: SecretStr) -> JsonObject:
    """Have a job done, or go on listening to one that a killed engine left behind; gives what it says.

    Args:
        identity: what it works on, within this attempt.

    Raises:
        ActionFailedError: it could not be done, in the job's own words.
        CommandTimeoutError: it was not done in time or cancelled, and was ended.
    """
    name = _name(context, identity)
    connection = context.connection
    if connection.probe_detached(name).status not in _GOING_ON:
        connection.forget_detached(name)  # what it said then may be long past; to do it again costs little
    command = Command(argv(), environment={JOB: json.dumps(job), TOKEN: token.get_secret_value()})
    result = connection.run_detached(command, token=name, timeout=context.remaining())
    connection.forget_detached(name)
    try:
        said = json.loads(result.stdout.strip().rpartition(b"\n")[2])
    except ValueError:
        said = None
    if not isinstance(said, dict):
        words = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise ActionFailedError(f"its process ended with exit status {result.exit_status}: {words or 'no words'}")
    if "error" in said:
        raise ActionFailedError(str(said["error"]), hint=str(said.get("hint", "")))
    return said


def forget_job(context: ActionContext, identity: str) -> None:
    """Have what a job left removed, where a killed engine could not."""
    context.connection.forget_detached(_name(context, identity))


def _name(context: ActionContext, identity: str) -> str:
    return f"{context.run.token[:64]}-{identity}"


class Done(Generic[Item, Result]):
    """One item that was worked on: its result, or the error that it ended with."""

    def __init__(self, item: Item, result: Result | None, error: RunbookError | None) -> None:
        self.item, self.result, self.error = item, result, error


def side_by_side(
    context: ActionContext,
    items: Iterable[Item],
    work: Callable[[Item], Result],
    *,
    at_once: int,
    fails_alone: tuple[type[RunbookError], ...],
    what: str,
) -> list[Done[Item, Result]]:
    """Work on items, so many at once; an error of `fails_alone` is its item's own, another one ends all.

    Args:
        what: is said as progress, with numbers.

    Raises:
        CommandTimeoutError: the time was over or it was cancelled; says whether every job is proven dead.
    """
    items = list(items)
    with ThreadPoolExecutor(at_once, thread_name_prefix="repository") as pool:
        order = [pool.submit(work, item) for item in items]
        pending = set(order)
        try:
            while pending:
                context.pause(0)
                ended, pending = wait(pending, timeout=_LOOK, return_when=FIRST_COMPLETED)
                for future in ended:
                    _outcome(None, future, fails_alone)  # what ends all does so at once
                if ended:
                    context.progress(f"{what}: {len(items) - len(pending)} of {len(items)}")
        except (DeadlineError, CancelledError):
            pool.shutdown(cancel_futures=True)
            _say_what_was_ended(order)
            raise
        finally:
            pool.shutdown(cancel_futures=True)
    return [_outcome(item, future, fails_alone) for item, future in zip(items, order, strict=True)]


def _say_what_was_ended(work: Iterable[Future[Result]]) -> None:
    """Tell that the time was over, or that it was cancelled, by what became of the jobs: proven dead, or not.

    Raises:
        CommandTimeoutError: a job was still at work.
    """
    errors = [one.exception() for one in work if not one.cancelled()]
    ended = [error for error in errors if isinstance(error, CommandTimeoutError)]
    for error in sorted(ended, key=lambda error: error.killed):
        raise error


def _outcome(item: Item, future: Future[Result], fails_alone: tuple[type[RunbookError], ...]) -> Done[Item, Result]:
    try:
        return Done(item, future.result(), None)
    except fails_alone as error:
        return Done(item, None, error)
