"""What reading a plan's secrets of AWS needs of IAM: permissions, on which secrets, in which regions and roles."""

import re
from collections.abc import Callable, Iterator

from runbook_engine.app.iam_needs import Grant, Need, partition_of
from runbook_engine.app.project import OpenProject
from runbook_engine.app.run_secrets import parsed, references
from runbook_engine.model.plan import Plan
from runbook_engine.model.secret_reference import SecretReference, in_region, regions_of_reference

PERMISSIONS = {"aws-sm": "secretsmanager:GetSecretValue", "aws-ssm": "ssm:GetParameter"}
KEY_NOTE = (
    "a secret that is encrypted with a KMS key of your own needs kms:Decrypt on that key besides: which key it is, its"
    " reference does not say (the keys aws/secretsmanager and aws/ssm need nothing)"
)
_SUFFIX = "-??????"  # Secrets Manager adds a hyphen and six characters to the name in a secret's ARN
_ROLE = re.compile(r"arn:[a-z-]+:iam::(\d{12}):")
_SUFFIXED = re.compile(r"-[A-Za-z0-9]{6}$")


def secret_needs(project: OpenProject, plan: Plan, default_region: Callable[[], str] = str) -> Iterator[Need]:
    """Give what reading the secrets needs that a plan's steps, communications and audiences name.

    Args:
        default_region: gives the region of references that name none; empty when that is not known.
    """
    known = references(project, plan)
    for text, reference in parsed(known).items():
        permission = PERMISSIONS.get(reference.scheme)
        if permission is None:
            continue
        regions = regions_of_reference(reference) or tuple(filter(None, [default_region()]))
        grant = Grant(permission, _resources(reference, regions), regions)
        accounts = {reference.account} if reference.account else set()
        yield Need(known[text], None, reference.role, set(regions), accounts, granted=(grant,))


def _resources(reference: SecretReference, regions: tuple[str, ...]) -> tuple[str, ...]:
    """Give the ARNs of one secret or parameter; a region or account that is not known is any."""
    found: dict[str, None] = {}
    for region in regions or ("*",):
        name = in_region(reference, region if regions else "")
        role = _ROLE.match(reference.role or "")
        account = reference.account or (role[1] if role else "*")
        if reference.scheme == "aws-ssm":
            arn = f"arn:{partition_of(region)}:ssm:{region}:{account}:parameter/{name.lstrip('/')}"
            found[name if name.startswith("arn:") else arn] = None
        elif not name.startswith("arn:"):
            found[f"arn:{partition_of(region)}:secretsmanager:{region}:{account}:secret:{name}{_SUFFIX}"] = None
        else:
            # A name may end like what is added to it (`db-backup`): then the ARN can be either.
            found |= {name: None} if _SUFFIXED.search(name) else {}
            found[f"{name}{_SUFFIX}"] = None
    return tuple(found)
