"""A secret's reference taken apart: `scheme:name`, for some schemes with `?region=…&role=…` and `#field`."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.quoting import did_you_mean

LOCAL_SCHEMES = frozenset({"age", "env", "file"})
"""Of secrets that a machine has by itself."""

SCHEMES = ("age", "aws-sm", "aws-ssm", "env", "file")
"""Where secrets come from."""

_CLOUD = frozenset({"aws-sm", "aws-ssm"})
_OPTIONS = {"aws-sm": ("account", "region", "role", "stage"), "aws-ssm": ("account", "region", "role")}
_ARN = re.compile(r"arn:[a-z-]+:(?:secretsmanager|ssm):([a-z0-9-]*):(\d*):")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_EXAMPLES = {
    "age": "age:secrets/production.yml.age#smtp.password",
    "aws-sm": "aws-sm:reviews/database?region=eu-west-1#password",
    "aws-ssm": "aws-ssm:/reviews/smtp-password?region=eu-west-1",
    "env": "env:SMTP_PASSWORD",
    "file": "file:secrets/smtp",
}


class SecretReference(NamedTuple):
    """Where one secret is.

    Attributes:
        name: a variable, a file, or the secret's or parameter's name or ARN.
        field: keys that lead to a text inside the value, joined by dots; empty for the whole value.
        regions: in which AWS has it, the first that answers counts; empty for the ARN's, or else the configured one.
        stage: version of a Secrets Manager secret.
    """

    scheme: str
    name: str
    field: str = ""
    regions: tuple[str, ...] = ()
    role: str | None = None
    account: str | None = None
    stage: str | None = None


def parse_reference(text: str) -> SecretReference:
    """Take a reference apart.

    Raises:
        InvalidInputError: no such scheme, or it is not written as the scheme wants it.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or not rest:
        raise InvalidInputError(f"secret {text!r} is no reference", hint=f"write it like {_EXAMPLES['env']}")
    if scheme not in SCHEMES:
        hint = did_you_mean(scheme, SCHEMES) or f"there are: {', '.join(SCHEMES)}"
        raise InvalidInputError(f"no secrets come from {scheme!r}", hint=hint)
    if scheme in {"env", "file"}:
        return SecretReference(scheme, rest)
    name, mark, field = rest.partition("#")
    query = ""
    if scheme in _CLOUD:
        name, _, query = name.partition("?")
    if not name or (mark and not all(field.split("."))):
        raise _wrong(scheme, text, "it names nothing" if not name else "the field behind # is empty")
    found = SecretReference(scheme, name, field)
    return _with_options(found, query, text) if scheme in _CLOUD else found


def regions_of_reference(reference: SecretReference) -> tuple[str, ...]:
    """Give the regions in which a secret of AWS is looked for; empty when only the configuration says."""
    arn = _ARN.match(reference.name)
    return reference.regions or ((arn[1],) if arn is not None and arn[1] else ())


def in_region(reference: SecretReference, region: str) -> str:
    """Give the name to ask for in a region: a replica's ARN differs from its source's by the region alone."""
    arn = _ARN.match(reference.name)
    if arn is None or not region:
        return reference.name
    return f"{reference.name[: arn.start(1)]}{region}{reference.name[arn.end(1) :]}"


def _with_options(found: SecretReference, query: str, text: str) -> SecretReference:
    known = _OPTIONS[found.scheme]
    values: dict[str, str] = {}
    for part in query.split("&") if query else ():
        key, _, value = part.partition("=")
        if key not in known or not value:
            hint = did_you_mean(key, known) or f"there are: {', '.join(known)}"
            raise InvalidInputError(f"secret {text!r}: there is no option {key!r}", hint=hint)
        values[key] = unquote(value)
    regions = tuple(values["region"].split(",")) if "region" in values else ()
    wrong = next((region for region in regions if not _REGION.fullmatch(region)), None)
    if wrong is not None:
        raise _wrong(found.scheme, text, f"{wrong!r} is no region")
    return found._replace(
        regions=regions, role=values.get("role"), account=values.get("account"), stage=values.get("stage")
    )


def _wrong(scheme: str, text: str, why: str) -> InvalidInputError:
    return InvalidInputError(f"secret {text!r}: {why}", hint=f"write it like {_EXAMPLES[scheme]}")
