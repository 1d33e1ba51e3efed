"""Secrets of AWS Secrets Manager and parameters of Systems Manager, through clients that only read."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from runbook_engine.model.errors import RunbookError
from runbook_engine.model.secret_reference import SecretReference, in_region, parse_reference, regions_of_reference
from runbook_engine.ports.secrets import SecretError
from runbook_engine.ports.services import AwsClient
from runbook_engine.secrets.fields import pick


class Cloud(Protocol):
    """Gives clients of AWS services; `connections.aws` has one."""

    def client(
        self, service: str, *, region: str, role: str | None = None, account: str | None = None, read_only: bool
    ) -> AwsClient:
        """Give a client."""
        ...

    def default_region(self) -> str:
        """Give the region of the configuration; empty when it says none."""
        ...


Ask = Callable[[SecretReference, str, AwsClient], str]


class AwsSecrets:
    """Reads references of the schemes `aws-sm` and `aws-ssm`.

    Where a reference names several regions, the next one is asked when one does not give the secret: that of the
    standby region, where the replica is, belongs first in a runbook that leaves the primary one.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def secret(self, name: str, project: Path) -> str:
        """Read a secret of Secrets Manager.

        Raises:
            SecretError: no region gave it.
        """
        del project
        return self._read(parse_reference(f"aws-sm:{name}"), f"aws-sm:{name}", "secretsmanager", _secret_value)

    def parameter(self, name: str, project: Path) -> str:
        """Read a parameter of Systems Manager, decrypted.

        Raises:
            SecretError: no region gave it.
        """
        del project
        return self._read(parse_reference(f"aws-ssm:{name}"), f"aws-ssm:{name}", "ssm", _parameter_value)

    def missing(self, reference: SecretReference) -> list[str]:
        """Ask whether a secret is there without reading its value; gives what is wrong, by region."""
        service = "secretsmanager" if reference.scheme == "aws-sm" else "ssm"
        ask = _describe_secret if reference.scheme == "aws-sm" else _describe_parameter
        problems = []
        for region in self._regions(reference):
            try:
                ask(reference, in_region(reference, region), self._client(service, reference, region))
            except RunbookError as error:
                problems.append(f"{region}: {error.message}")
        return problems

    def _read(self, reference: SecretReference, text: str, service: str, ask: Ask) -> str:
        problems = []
        hint = ""
        for region in self._regions(reference):
            try:
                value = ask(reference, in_region(reference, region), self._client(service, reference, region))
            except RunbookError as error:
                problems.append(f"{region}: {error.message}")
                hint = hint or error.hint
            else:
                return pick(value, reference.field, text) if reference.field else value
        raise SecretError(f"secret {text!r} was not given: {'; '.join(problems)}", hint=hint)

    def _regions(self, reference: SecretReference) -> tuple[str, ...]:
        found = regions_of_reference(reference) or tuple(filter(None, [self._cloud.default_region()]))
        if not found:
            raise SecretError(
                f"secret {reference.scheme}:{reference.name}: no region is known",
                hint=f"write {reference.scheme}:{reference.name}?region=eu-west-1, or set AWS_DEFAULT_REGION",
            )
        return found

    def _client(self, service: str, reference: SecretReference, region: str) -> AwsClient:
        return self._cloud.client(
            service, region=region, role=reference.role, account=reference.account, read_only=True
        )


def _secret_value(reference: SecretReference, name: str, client: AwsClient) -> str:
    more = {"VersionStage": reference.stage} if reference.stage else {}
    answer = client.call("get_secret_value", SecretId=name, **more)
    value = answer.get("SecretString")
    if isinstance(value, str):
        return value
    return _text(answer.get("SecretBinary"))


def _parameter_value(_reference: SecretReference, name: str, client: AwsClient) -> str:
    return str(client.call("get_parameter", Name=name, WithDecryption=True)["Parameter"]["Value"])


def _describe_secret(_reference: SecretReference, name: str, client: AwsClient) -> str:
    if client.call("describe_secret", SecretId=name).get("DeletedDate"):
        raise SecretError(f"{name} is marked for deletion", hint="restore it: aws secretsmanager restore-secret")
    return ""


def _describe_parameter(_reference: SecretReference, name: str, client: AwsClient) -> str:
    wanted = name.partition(":parameter")[2] or name
    filters = [{"Key": "Name", "Option": "Equals", "Values": [wanted]}]
    if not client.call("describe_parameters", ParameterFilters=filters).get("Parameters"):
        raise SecretError(f"there is no parameter {wanted}")
    return ""


def _text(value: object) -> str:
    try:
        return bytes(value).decode() if isinstance(value, bytes | bytearray) else ""
    except UnicodeDecodeError:
        raise SecretError("the secret is binary and not UTF-8", hint="keep binary secrets in Base64") from None
