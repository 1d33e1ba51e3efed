"""notify.email: mail to an audience, one message for each recipient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from runbook_engine.actions.mail_message import address_of, message_for, preview
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Effect,
    Finding,
    JsonValue,
    MailServer,
    Outputs,
    Params,
    PositiveDuration,
    ReadOnlyError,
    RunbookError,
    ServiceUnreachableError,
    unknown,
)

_RETRY = "a retry mails only those whose message was not accepted"


class Smtp(Params):
    """Where mail is handed in."""

    host: str = Field(min_length=1, description="the mail server", examples=["smtp.example.com"])
    port: int = Field(587, ge=1, le=65535, description="its port: 587 for starttls, 465 for tls, 25 for none")
    tls: Literal["none", "starttls", "tls"] = Field("starttls", description="how the connection is protected")
    username: str | None = Field(None, description="to log in with")
    password: SecretStr | None = Field(
        None, description="to log in with", examples=["{{ secret('env:SMTP_PASSWORD') }}"]
    )


class EmailParams(Params):
    """What to send, to whom, through which server."""

    smtp: Smtp = Field(description="the mail server", examples=[{"host": "smtp.example.com", "username": "dr"}])
    sender: str = Field(description="who it comes from", examples=["Example Support <support@example.com>"])
    to: list[str] = Field([], description="addresses", examples=[["ops@example.com"]])
    audience: str | None = Field(None, description="or an audience of team.yml", examples=["customers"])
    subject: str = Field(min_length=1, max_length=900, pattern=r"^[^\r\n]*$", description="the subject, one line")
    body: str | None = Field(None, min_length=1, description="the text")
    body_template: str | None = Field(
        None, description="or a template file of the project", examples=["runbooks/messages/customers-update.txt.j2"]
    )
    html: str | None = Field(
        None, description="the same as HTML, for readers that show it; what templates put in is escaped"
    )
    html_template: str | None = Field(
        None,
        description="or a template file, escaped likewise",
        examples=["runbooks/messages/customers-update.html.j2"],
    )
    timeout: PositiveDuration = Field(timedelta(seconds=30), description="for each message", examples=["30s"])

    @field_validator("sender")
    @classmethod
    def _sender_is_address(cls, value: str) -> str:
        address_of(value)
        return value

    @field_validator("to")
    @classmethod
    def _are_addresses(cls, value: list[str]) -> list[str]:
        for address in value:
            address_of(address)
        return value

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if bool(self.to) == (self.audience is not None):
            raise ValueError("give exactly one of to (addresses) and audience (a name of team.yml)")
        if (self.body is None) == (self.body_template is None):
            raise ValueError("give exactly one of body (the text) and body_template (a file of the project)")
        if self.html is not None and self.html_template is not None:
            raise ValueError("give html or html_template, not both")
        return self


class EmailOutputs(Outputs):
    """What became of each recipient's message."""

    accepted: list[str] = Field([], description="recipients whose message the server took")
    refused: dict[str, str] = Field({}, description="recipients it refused, with its words")
    message_ids: dict[str, str] = Field({}, description="Message-ID by recipient")
    left: list[str] = Field([], description="recipients that were not tried, when it failed half-way")


@dataclass(slots=True)
class _Progress:
    """How far the sending is."""

    accepted: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    message_ids: dict[str, str] = field(default_factory=dict)

    def words(self) -> str:
        said = [f"{address} ({reason})" for address, reason in self.refused.items()]
        return f"accepted: {', '.join(self.accepted) or 'none'}; refused: {', '.join(said) or 'none'}"

    def partial(self, left: Sequence[str] = ()) -> dict[str, JsonValue]:
        """Give what the next attempt has to know: nothing when nobody's message was handed in.

        Args:
            left: who was not tried, for a reason that is not theirs.
        """
        return {**self.outputs(), **({"left": [*left]} if left else {})} if self.accepted else {}

    def outputs(self) -> dict[str, JsonValue]:
        """Give it as the action's outputs, from which `_before` goes on."""
        return {
            "accepted": [*self.accepted],
            "refused": {**self.refused},
            "message_ids": {**self.message_ids},
        }


class NotifyEmail(Action[EmailParams]):
    """Send a mail to each recipient.

    In a drill it goes to the sandbox audience only, in a dry run it is shown and not sent.
    check: nobody can tell from outside whether a mail was sent; it shows the message.
    apply: one message for each recipient, so that the record is for each. When the server refuses some, the step fails
    and says who got it and who didn't; a retry mails only those whose message no earlier attempt handed in. The
    Message-ID is the same when the same attempt is made again, which mail readers use to show a double once; still, an
    attempt whose end is unknown is left to a person. So is one of a `sensitive` step that reached only some, since whom
    is not recorded.
    """

    name = "notify.email"
    effect = Effect.ONCE
    addressees = ("audience", "to")
    words = ("body", "body_template", "html", "html_template")
    html = ("html", "html_template")
    template_files = ("body_template", "html_template")
    reversible = False
    Params = EmailParams
    Outputs = EmailOutputs
    example: ClassVar[str] = """\
notify.email:
  smtp: {host: smtp.example.com, username: dr, password: "{{ secret('env:SMTP_PASSWORD') }}"}
  sender: Example Support <support@example.com>
  audience: customers
  subject: We are moving to our standby region
  body: The service will be back within the hour.
"""

    def check(self, params: EmailParams, context: ActionContext) -> Finding:
        """Show the message."""
        recipients = _left(_recipients(params, context), _before(context))
        shown = preview(params.sender, recipients, params.subject, _text(params, context))
        return unknown(f"would mail {len(recipients)} recipients", changes=(Change(what="mail", after=shown),))

    def apply(self, params: EmailParams, context: ActionContext) -> Applied:
        """Send to one after the other."""
        done = _before(context)
        earlier = len(done.accepted)
        recipients = _left(_recipients(params, context), done)
        for number, recipient in enumerate(recipients, 1):
            context.progress(f"mail {number} of {len(recipients)}")
            left = ", ".join(recipients[number:]) or "none"
            if context.remaining() <= 0:
                raise ActionFailedError(
                    f"the step's time is over; not tried: {', '.join(recipients[number - 1 :])}; {done.words()}",
                    hint=f"give the step a longer timeout; {_RETRY}",
                    outputs=done.partial(recipients[number - 1 :]),
                )
            try:
                _send(params, context, recipient, done)
            except ServiceUnreachableError as error:
                words = f"{error.message}; unknown: {recipient}; not tried: {left}; {done.words()}"
                raise ServiceUnreachableError(words, hint=error.hint, outputs=done.partial()) from error
            except ReadOnlyError:
                raise
            except RunbookError as error:  # the server took neither this message nor a later one
                words = f"{error.message}; not sent: {recipient}; not tried: {left}; {done.words()}"
                left_over = done.partial(recipients[number - 1 :])
                raise ActionFailedError(words, hint=error.hint or _RETRY, outputs=left_over) from error
        if done.refused:
            raise ActionFailedError(
                f"{params.smtp.host} refused {len(done.refused)} of {len(recipients)} recipients; {done.words()}",
                hint=f"correct the refused addresses; {_RETRY}",
                outputs=done.partial(),
                for_good=all(words.startswith("5") for words in done.refused.values()),
            )
        sent = len(done.accepted) - earlier
        before = f", {earlier} had theirs before" if earlier else ""
        return Applied(summary=f"mailed {sent} recipients{before}", outputs=done.outputs())


def _before(context: ActionContext) -> _Progress:
    """Give what earlier attempts of the task handed in; who was refused then is tried again."""
    accepted, ids = context.recorded.get("accepted"), context.recorded.get("message_ids")
    addresses = [str(address) for address in accepted] if isinstance(accepted, list) else []
    known = ids if isinstance(ids, Mapping) else {}
    message_ids = {address: str(known[address]) for address in addresses if address in known}
    return _Progress(accepted=addresses, message_ids=message_ids)


def _left(recipients: Sequence[str], done: _Progress) -> tuple[str, ...]:
    """Give those whose message was not handed in yet."""
    reached = {address.lower() for address in done.accepted}
    return tuple(recipient for recipient in recipients if address_of(recipient).lower() not in reached)


def _recipients(params: EmailParams, context: ActionContext) -> tuple[str, ...]:
    """Give each recipient once.

    Raises:
        ActionFailedError: there is none, or one of the audience's is no mail address.
    """
    found = context.recipients("email", audience=params.audience, literal=params.to)
    if not found:
        raise ActionFailedError(
            f"nobody of the audience {params.audience!r} has a mail address", hint="add addresses to team.yml"
        )
    try:
        addresses = {address_of(recipient).lower(): recipient for recipient in found}
    except ValueError as error:
        raise ActionFailedError(str(error), hint="correct it in team.yml") from None
    return tuple(addresses.values())


def _text(params: EmailParams, context: ActionContext) -> str:
    return _read(params.body_template, context) if params.body_template is not None else params.body or ""


def _read(path: str, context: ActionContext) -> str:
    """Give a template file as the engine rendered it."""
    try:
        return context.render(context.project_file(path).decode())
    except UnicodeDecodeError:
        raise ActionFailedError(f"{path} is not UTF-8 text") from None


def _send(params: EmailParams, context: ActionContext, recipient: str, done: _Progress) -> None:
    smtp = params.smtp
    password = smtp.password.get_secret_value() if smtp.password is not None else None
    server = MailServer(host=smtp.host, port=smtp.port, tls=smtp.tls, username=smtp.username, password=password)
    message = message_for(
        recipient,
        sender=params.sender,
        subject=params.subject,
        body=_text(params, context),
        html=_read(params.html_template, context) if params.html_template is not None else params.html,
        run=context.run,
        now=context.clock.now(),
    )
    address = address_of(recipient)
    timeout = min(params.timeout.total_seconds(), context.remaining())
    receipt = context.mail.send(server, message, [address], timeout=timeout)
    done.message_ids[address] = str(message["Message-ID"])
    if address in receipt.refused:
        done.refused[address] = receipt.refused[address]
    else:
        done.accepted.append(address)
