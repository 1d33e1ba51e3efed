"""notify.webhook: a message to a service of your own, signed as Standard Webhooks say."""

import base64
import hashlib
import hmac
from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from runbook_engine.actions.post import PostOutputs, PostParams, Request, addresses_of, post_all, preview
from runbook_engine.sdk import Action, ActionContext, Applied, Effect, Finding, JsonValue, canonical_json

_PREFIX = "whsec_"
_OURS = frozenset({"content-type", "idempotency-key", "webhook-id", "webhook-signature", "webhook-timestamp"})


class WebhookParams(PostParams):
    """What to send where."""

    text: str | None = Field(None, min_length=1, description="the message; sent with the run's facts")
    body: JsonValue = Field(None, alias="json", description="the body instead, as it is", examples=[{"level": "red"}])
    method: Literal["POST", "PUT"] = Field("POST", description="how to send it")
    headers: dict[str, SecretStr] = Field(
        {}, description="headers to send besides", examples=[{"Authorization": "Bearer {{ secret('env:TOKEN') }}"}]
    )
    secret: SecretStr | None = Field(
        None,
        description="key to sign with (Standard Webhooks; `whsec_` and Base64, or any text)",
        examples=["{{ secret('env:WEBHOOK_SECRET') }}"],
    )
    idempotent: bool = Field(
        default=False,
        description="whether the receiver takes a second request with the same Idempotency-Key for the same one; it is "
        "then sent again when no answer came",
    )


class NotifyWebhook(Action[WebhookParams]):
    """Send a message to a service of your own by HTTP.

    The headers are those of Standard Webhooks: `webhook-id` (the same whenever the same message is sent again),
    `webhook-timestamp`, and `webhook-signature` when there is a secret; `Idempotency-Key` has the id, too. In a drill
    it goes to the sandbox only, in a dry run it is shown and not sent.
    check: nobody can tell from outside whether it was taken; it shows the message.
    apply: one request for each address; waits when the service says so (429, or 503 with Retry-After). Redirects are
    not followed. When no answer came, it is sent again only to a receiver that is `idempotent`; otherwise an attempt
    whose end is unknown is left to a person (as a message owed it is sent again, and said).
    """

    name = "notify.webhook"
    effect = Effect.ONCE
    reversible = False
    addressees = ("audience", "url")
    words = ("text", "json")
    Params = WebhookParams
    Outputs = PostOutputs
    example: ClassVar[str] = """\
notify.webhook:
  url: "{{ secret('env:HOOK_URL') }}"
  secret: "{{ secret('env:HOOK_SECRET') }}"
  text: "Failover to {{ standby_region }} has begun"
"""

    def check(self, params: WebhookParams, context: ActionContext) -> Finding:
        """Show the message."""
        shown = canonical_json(_body(params, context))
        return preview(context, "webhook", addresses_of(context, "webhook", params), shown)

    def apply(self, params: WebhookParams, context: ActionContext) -> Applied:
        """Send it."""
        given = {name: value.get_secret_value() for name, value in params.headers.items() if name.lower() not in _OURS}
        plain = Request(_body(params, context))
        request = Request(
            plain.body,
            headers={**given, **_signed(params, context, plain.content())},
            method=params.method,
            repeatable=params.idempotent,
            secrets=tuple(given.values()),
        )
        addresses = addresses_of(context, "webhook", params)
        return post_all(context, addresses, lambda _: request, timeout=params.timeout)


def _body(params: WebhookParams, context: ActionContext) -> JsonValue:
    if params.body is not None:
        return params.body
    run = context.run
    facts: dict[str, JsonValue] = {
        "id": run.id, "mode": run.mode.value, "runbook": run.runbook, "step": run.step, "operator": run.operator,
    }  # fmt: skip
    return {"text": params.text or "", "run": facts}


def _signed(params: WebhookParams, context: ActionContext, content: bytes) -> dict[str, str]:
    """Give the headers of Standard Webhooks for a body."""
    identity = f"msg_{context.run.token}"
    at = str(int(context.clock.now().timestamp()))
    headers = {"webhook-id": identity, "webhook-timestamp": at, "idempotency-key": identity}
    if params.secret is not None:
        message = b".".join((identity.encode(), at.encode(), content))
        signature = hmac.new(_key(params.secret.get_secret_value()), message, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(signature).decode()}"
    return headers


def _key(secret: str) -> bytes:
    """Give the bytes of a secret: what stands behind `whsec_` in Base64, or the text's own."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except ValueError:
            return secret.encode()
    return secret.encode()
