"""Fakes of IAM's simulation, STS and Service Quotas, held to botocore's model: contract-tested, never against AWS.

moto has no simulation and no quotas but a few of VPC. ministack simulates the policies of users and roles, but not
`ContextEntries` (it takes the region of the request), only the first of several resources, no role with a path, and it
answers `implicitDeny` for whom it does not know.
"""

from datetime import UTC, datetime
from fnmatch import fnmatchcase

from support.aws_model import ModelService
from support.aws_wire import RefusedError

ACCOUNT = "123456789012"
PERMISSION = "iam:SimulatePrincipalPolicy"


def allow(actions, resources="*", effect="Allow", **conditions):
    """A policy's statement; a condition is `StringEquals`, its key's colon written as `__`."""
    wanted = {key.replace("__", ":"): values for key, values in conditions.items()}
    return {"effect": effect, "actions": listed(actions), "resources": listed(resources), "conditions": wanted}


def listed(value):
    return [value] if isinstance(value, str) else list(value)


class Iam(ModelService):
    """Principals by ARN, each with its statements; evaluates them as IAM does.

    Attributes:
        refused: permissions that the caller lacks for itself (`iam:GetRole`, `iam:SimulatePrincipalPolicy`).
        scp: permissions that the organization does not allow.
        unheard_of: permissions that IAM takes for no permissions.
        asked: each request of a simulation.
    """

    service = "iam"

    def __init__(self, principals):
        self.principals = principals
        self.refused, self.scp, self.unheard_of, self.silent = set(), set(), set(), set()
        self.page = 7
        self.asked = []

    def get_role(self, asked, region):
        self._may("iam:GetRole")
        for arn in self.principals:
            if ":role/" in arn and arn.rpartition("/")[2] == asked["RoleName"]:
                path = "/" + arn.partition(":role/")[2].rpartition("/")[0]
                role = {"Path": f"{path}/".replace("//", "/"), "RoleName": asked["RoleName"], "Arn": arn}
                return {"Role": {**role, "RoleId": "A" * 16, "CreateDate": datetime(2026, 1, 1, tzinfo=UTC)}}
        raise RefusedError("NoSuchEntity", f"The role with name {asked['RoleName']} cannot be found.")

    def simulate_principal_policy(self, asked, region):
        self._may(PERMISSION)
        self.asked.append(asked)
        source = asked["PolicySourceArn"]
        if source not in self.principals:
            raise RefusedError("NoSuchEntity", f"{source} cannot be found.")
        if odd := self.unheard_of & set(asked["ActionNames"]):
            raise RefusedError("InvalidInput", f"Invalid Action: {odd.pop()}")
        context = {one["ContextKeyName"]: one["ContextKeyValues"] for one in asked.get("ContextEntries") or ()}
        (resource,) = asked.get("ResourceArns") or ["*"]
        names = [name for name in asked["ActionNames"] if name not in self.silent]
        start = int(asked.get("Marker") or 0)
        results = [self._evaluate(source, name, resource, context) for name in names[start : start + self.page]]
        more = start + self.page < len(names)
        return {
            "EvaluationResults": results,
            "IsTruncated": more,
            **({"Marker": str(start + self.page)} if more else {}),
        }

    def _may(self, permission):
        if permission in self.refused:
            raise RefusedError("AccessDenied", f"User is not authorized to perform: {permission}")

    def _evaluate(self, source, action, resource, context):
        decision, missing, matched = "implicitDeny", set(), []
        for statement in self.principals[source]:
            if not any(fnmatchcase(action.lower(), one.lower()) for one in statement["actions"]):
                continue
            if not any(fnmatchcase(resource, one) for one in statement["resources"]):
                continue
            unknown = statement["conditions"].keys() - context.keys()
            missing |= unknown
            if unknown or any(
                not set(context[key]) & set(listed(values)) for key, values in statement["conditions"].items()
            ):
                continue
            matched.append({"SourcePolicyId": "dr", "SourcePolicyType": "user"})
            decision = "explicitDeny" if "Deny" in {statement["effect"], decision[:8].title()} else "allowed"
            if statement["effect"] == "Deny":
                break
        organization = {}
        if action in self.scp:
            decision, organization = "implicitDeny", {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}
        return {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": decision,
            "MatchedStatements": matched,
            "MissingContextValues": sorted(missing),
            **organization,
        }


class Sts(ModelService):
    """Says who the caller is; `roles` may be assumed, then the caller is the role's session."""

    service = "sts"

    def __init__(self, caller, roles=()):
        self.caller, self.roles = caller, set(roles)

    def get_caller_identity(self, asked, region):
        return {"UserId": "A" * 16, "Account": self.caller.split(":")[4], "Arn": self.caller}

    def assume_role(self, asked, region):
        arn = asked["RoleArn"]
        if arn not in self.roles:
            raise RefusedError("AccessDenied", f"not authorized to perform: sts:AssumeRole on resource: {arn}")
        session = f"arn:aws:sts::{arn.split(':')[4]}:assumed-role/{arn.rpartition('/')[2]}/runbook-engine"
        keys = {"AccessKeyId": "ASIA" + "B" * 16, "SecretAccessKey": "s", "SessionToken": "t"}
        return {
            "Credentials": {**keys, "Expiration": datetime(2099, 1, 1, tzinfo=UTC)},
            "AssumedRoleUser": {"AssumedRoleId": "A" * 16 + ":runbook-engine", "Arn": session},
        }


class ServiceQuotas(ModelService):
    """Quotas by service and code: those that apply to the account, and AWS's defaults."""

    service = "service-quotas"

    def __init__(self, applied=None, defaults=None):
        self.applied, self.defaults = dict(applied or {}), dict(defaults or {})

    def get_service_quota(self, asked, region):
        return self._quota(self.applied, asked)

    def get_aws_default_service_quota(self, asked, region):
        return self._quota(self.defaults, asked)

    def _quota(self, known, asked):
        service, code = asked["ServiceCode"], asked["QuotaCode"]
        if (service, code) not in known:
            raise RefusedError(
                "NoSuchResourceException", "The request failed because the specified resource is not there."
            )
        return {"Quota": {"ServiceCode": service, "QuotaCode": code, "Value": float(known[service, code])}}
