"""Posts a message to services by HTTP: to each address once, patient with rate limits, honest about lost answers."""

import email.utils
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from runbook_engine.sdk import (
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Finding,
    HttpAnswer,
    JsonValue,
    Outputs,
    Params,
    PositiveDuration,
    ReadOnlyError,
    RunbookError,
    ServiceUnreachableError,
    canonical_json,
    format_seconds,
    unknown,
)

_LEAST_SECRET = 6  # characters of a part of an address that may be a secret
_SHOWN = 200  # characters of what a service says
_SLACK = 1.15  # a pause has jitter, and Retry-After is the least that is to be waited
_TRIES = 5  # of a request that may be made again
_TOO_MANY, _UNAVAILABLE = 429, 503
_PASSING = frozenset({408, 425, _TOO_MANY})  # refusals of now, and not of what was asked
_SERVER_ERRORS, _REDIRECTS, _GOOD = range(500, 600), range(300, 400), range(200, 300)


class PostParams(Params):
    """Whom a message is posted to."""

    url: SecretStr | None = Field(
        None, description="address of the webhook, a secret", examples=["{{ secret('env:CHAT_WEBHOOK') }}"]
    )
    audience: str | None = Field(None, description="or an audience of team.yml", examples=["customers"])
    timeout: PositiveDuration = Field(timedelta(seconds=30), description="for one request", examples=["30s"])

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if (self.url is None) == (self.audience is None):
            raise ValueError("give exactly one of url and audience (a name of team.yml)")
        return self


class PostOutputs(Outputs):
    """Where it was posted."""

    accepted: list[str] = Field([], description="services that took it: host, and a mark of the address")
    refused: dict[str, str] = Field({}, description="services that refused it, with their words")


def not_a_page(answer: HttpAnswer) -> bool:
    """Whether an answer is no page for people, which no receiver of messages gives."""
    start = answer.body.lstrip()[:100].lower()
    return not start.startswith((b"<!doctype html", b"<html"))


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted.

    Attributes:
        repeatable: the service knows a second one for the same, so that it may be sent again when no answer came.
        secrets: texts besides the address that no error may show.
        is_taken: whether a good status with such an answer is the service's own way to say that it took the message:
            a proxy or a login page answers anything with 200.
    """

    body: JsonValue
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    repeatable: bool = False
    secrets: tuple[str, ...] = ()
    is_taken: Callable[[HttpAnswer], bool] = not_a_page

    def content(self) -> bytes:
        """Give the body as it is sent."""
        return canonical_json(self.body).encode()


Build = Callable[[str], Request]


def preview(context: ActionContext, channel: str, addresses: Sequence[str], shown: str) -> Finding:
    """Say what would be posted where; nobody can tell from outside whether it was."""
    left = [address for address in addresses if mark_of(address) not in _before(context)]
    what = f"would post to {len(left)} {channel} address{'' if len(left) == 1 else 'es'}"
    where = ", ".join(mark_of(address) for address in left)
    return unknown(what, changes=(Change(what=f"message to {where}", after=shown),))


def addresses_of(context: ActionContext, channel: str, params: PostParams) -> tuple[str, ...]:
    """Give each address once; in a drill the sandbox's.

    Raises:
        ActionFailedError: there is none.
    """
    literal = [params.url.get_secret_value()] if params.url is not None else []
    found = tuple(dict.fromkeys(context.recipients(channel, audience=params.audience, literal=literal)))
    if not found:
        raise ActionFailedError(
            f"the audience {params.audience!r} has no {channel} address", hint=f"add {channel}: [env:NAME] in team.yml"
        )
    return found


def post_all(
    context: ActionContext, addresses: Sequence[str], build: Build, *, timeout: timedelta, url: str | None = None
) -> Applied:
    """Post to one address after the other; a later attempt goes to those only that have it not yet.

    Args:
        build: makes the request for an address.
        url: where all of them are posted to, when the address is a key and no URL.

    Raises:
        ActionFailedError: a service refused.
        ServiceUnreachableError: no answer came, and the service may have it.
    """
    accepted, refused, for_good = _before(context), dict[str, str](), True
    for address in addresses:
        mark = mark_of(address)
        if mark in accepted:
            continue
        try:
            _post(context, url or address, build(address), mark, timeout.total_seconds())
            accepted.append(mark)
        except ServiceUnreachableError as error:
            raise ServiceUnreachableError(error.message, hint=error.hint, outputs=_partial(accepted, refused)) from None
        except ActionFailedError as error:
            refused[mark] = f"{error.message} ({error.hint})" if error.hint else error.message
            for_good = for_good and error.for_good
    if refused:
        said = [f"{mark}: {why}" for mark, why in refused.items()]
        had = [f"accepted: {', '.join(accepted)}"] if accepted else []
        raise ActionFailedError("; ".join([*said, *had]), outputs=_partial(accepted, refused), for_good=for_good)
    return Applied(summary=f"posted to {', '.join(accepted)}", outputs={"accepted": [*accepted], "refused": {}})


def mark_of(address: str) -> str:
    """Name an address without giving it away: its host, and eight signs of its digest."""
    host = urlsplit(address).hostname if "://" in address else "key"
    return f"{host or 'address'}#{hashlib.sha256(address.encode()).hexdigest()[:8]}"


def _before(context: ActionContext) -> list[str]:
    accepted = context.recorded.get("accepted")
    return [str(mark) for mark in accepted] if isinstance(accepted, list | tuple) else []


def _partial(accepted: Sequence[str], refused: Mapping[str, str]) -> dict[str, JsonValue]:
    return {"accepted": [*accepted], "refused": {**refused}} if accepted else {}


def _post(context: ActionContext, url: str, request: Request, mark: str, timeout: float) -> None:
    """Post once, and again when the service said that it did not take it, or knows a second one for the same."""
    tries = 0
    while True:
        tries += 1
        answer = _ask(context, url, request, mark, timeout, last=tries >= _TRIES)
        if answer is None:
            context.pause(2.0**tries)
            continue
        wait = _retry_after(answer, context)
        if answer.status in _GOOD:
            if not request.is_taken(answer):
                raise ActionFailedError(
                    f"HTTP {answer.status}, but not the service's own answer: {_words(answer, url, request)}",
                    hint="something else is at that address, such as a login page or a proxy; check the address",
                )
            return
        if answer.status == _TOO_MANY or (answer.status == _UNAVAILABLE and wait is not None):
            seconds = wait if wait is not None else 2.0**tries
            if seconds * _SLACK >= context.remaining():
                raise ActionFailedError(
                    f"is busy (HTTP {answer.status}) and asks to wait {format_seconds(seconds)}, but only "
                    f"{max(0.0, context.remaining()):.0f} s remain for this try; nothing was posted",
                    hint="give the step a longer timeout, or a message owed a longer `every`; or try later again",
                )
            context.progress(f"{mark} asks to wait {format_seconds(seconds)}")
            context.pause(seconds * _SLACK)
        elif answer.status in _SERVER_ERRORS:
            said = f"HTTP {answer.status}: {_words(answer, url, request)}"
            if not request.repeatable or tries >= _TRIES:
                raise ServiceUnreachableError(f"{mark}: {said}", hint="whether it was posted is unknown")
            context.pause(2.0**tries)
        elif answer.status in _REDIRECTS:
            raise ActionFailedError(
                f"HTTP {answer.status}: it leads elsewhere, which is not followed",
                hint="check the address",
                for_good=True,
            )
        else:
            said = f"HTTP {answer.status}: {_words(answer, url, request)}"
            raise ActionFailedError(said, for_good=answer.status not in _PASSING)


def _ask(
    context: ActionContext, url: str, request: Request, mark: str, timeout: float, *, last: bool
) -> HttpAnswer | None:
    """Make the request; None when no answer came and it may be made again."""
    headers = {"content-type": "application/json", **request.headers}
    seconds = max(0.1, min(timeout, context.remaining()))
    try:
        return context.http.request(
            request.method,
            url,
            headers=headers,
            content=request.content(),
            timeout=seconds,
            redirects=0,
            max_bytes=10_000,
        )
    except ServiceUnreachableError as error:
        if request.repeatable and not last:
            return None
        if not error.sent:
            raise ActionFailedError("can't be reached; nothing was sent", hint=error.hint) from None
        # The message of the error has the address in it.
        raise ServiceUnreachableError(
            f"{mark}: no complete answer came", hint="it may have been posted: posting again may show it twice"
        ) from None
    except ReadOnlyError:
        raise
    except RunbookError:
        raise ActionFailedError("its address or a header is not valid") from None


def _retry_after(answer: HttpAnswer, context: ActionContext) -> float | None:
    """Give the seconds to wait; None when the service says nothing of it."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return max(1.0, float(text))
    try:
        return max(1.0, (email.utils.parsedate_to_datetime(text) - context.clock.now()).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def _words(answer: HttpAnswer, url: str, request: Request) -> str:
    """Give what the service says, without anything of ours that is secret."""
    text = " ".join(answer.body.decode("utf-8", "replace").split())
    parts = urlsplit(url)
    pieces = [piece for piece in re.split("[/?&=]", f"{parts.path}?{parts.query}") if len(piece) >= _LEAST_SECRET]
    for secret in (url, *pieces, *filter(None, request.secrets)):
        text = text.replace(secret, "…")
    return text[:_SHOWN] or "it says nothing"
