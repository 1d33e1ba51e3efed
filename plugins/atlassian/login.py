"""Who one is at Atlassian: addresses and tokens as parameters, and the header that is made of them."""

import base64
import ipaddress
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from runbook_engine.sdk import ActionFailedError, Params

_ASCII_PRINTABLE = range(0x21, 0x7F)


def trusted_address(url: str) -> str:
    """Give an address without a slash at its end.

    Raises:
        ValueError: a token would go there in clear text, or the address holds credentials, a query or a fragment.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("write it like https://example.atlassian.net")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it must not hold a user or password; give the token by secret()")
    if parts.query or parts.fragment:
        raise ValueError("it must not have a query or fragment")
    if parts.scheme == "http" and not _is_this_machine(parts.hostname):
        raise ValueError("it must be https://; a token would go there in clear text")
    return url.rstrip("/")


class Site(Params):
    """An Atlassian Cloud site, and who logs in there."""

    url: str = Field(
        description="the site; with a scoped token https://api.atlassian.com/ex/jira/CLOUD_ID",
        examples=["https://example.atlassian.net"],
    )
    email: str | None = Field(
        None, description="whose API token it is; without it the token is an access token (Bearer)"
    )
    token: SecretStr = Field(description="the API token", examples=["{{ secret('env:ATLASSIAN_TOKEN') }}"])

    @field_validator("url")
    @classmethod
    def _url_is_trusted(cls, value: str) -> str:
        return trusted_address(value)

    def authorization(self) -> str:
        """Give the Authorization header."""
        return basic(self.email, self.token) if self.email is not None else bearer(self.token)


def basic(email: str, token: SecretStr) -> str:
    """Give the Authorization header of an API token."""
    if not email or ":" in email or any(ord(character) not in _ASCII_PRINTABLE for character in email):
        raise ActionFailedError("the email of the login is no address", hint="give the account's email address")
    return "Basic " + base64.b64encode(f"{email}:{_usable(token)}".encode("ascii")).decode("ascii")


def bearer(token: SecretStr) -> str:
    """Give the Authorization header of an access token."""
    return f"Bearer {_usable(token)}"


def oauth(token: SecretStr) -> str:
    """Give the Authorization header as Statuspage wants it."""
    return f"OAuth {_usable(token)}"


def _usable(token: SecretStr) -> str:
    """Give the token's text; an HTTP library would say it aloud when it refuses a header."""
    text = token.get_secret_value()
    if not text:
        raise ActionFailedError("the token is empty", hint="is the secret set where the engine runs?")
    if any(ord(character) not in _ASCII_PRINTABLE for character in text):
        raise ActionFailedError(
            "the token holds a space, a line end or a sign that is not ASCII", hint="store the token alone, on one line"
        )
    return text


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
