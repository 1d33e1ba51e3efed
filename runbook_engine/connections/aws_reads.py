"""Tells which AWS operations only read, by their names; what isn't known to read is refused to a check."""

import re

_PREFIX = re.compile(
    r"(?:BatchCheck|BatchDescribe|BatchGet|Check|Describe|Estimate|Filter|Get|Head|List|Lookup|Preview|Query|Scan|Search"
    r"|Select|Simulate|Validate|View)(?=[A-Z0-9]|$)"
)

# They hand out credentials or a way in, whatever they are called in whichever service.
_HANDS_OUT = re.compile(r"Get\w*(?:Credential|Token|Password|Login|AccessDetails|EmbedUrl|UploadUrl|DataAccess|OpenId)")

# Named like reads, yet they make or start something, or take it off a queue; found by the descriptions of all
# operations in botocore 1.44.
_NOT_READS = frozenset(
    {
        "apigatewayv2:PreviewPortal",
        "appconfigdata:GetLatestConfiguration",
        "bedrock-agentcore:GetResourceApiKey",
        "codepipeline:GetJobDetails",
        "codepipeline:GetThirdPartyJobDetails",
        "cognito-identity:GetId",
        "emr-serverless:GetDashboardForJobRun",
        "endusermessaging:ValidateNotifyCodeVerification",
        "iot:GetRegistrationCode",
        "license-manager:CheckInLicense",
        "marketplace-reporting:GetBuyerDashboard",
        "payment-cryptography:GetCertificateSigningRequest",
        "sagemaker:GetScalingConfigurationRecommendation",
        "ssm:GetExecutionPreview",
    }
)

# Named unlike reads, and reads all the same.
_READS_BESIDES = frozenset(
    {
        "dynamodb:TransactGetItems",
        "iam:GetCredentialReport",
        "route53:TestDNSAnswer",
        "sts:DecodeAuthorizationMessage",
    }
)


def is_read(service: str, operation: str) -> bool:
    """Tell whether an operation (`DescribeDBInstances`) of a service (`rds`) changes nothing and hands out no access.

    Source: the naming of AWS's service models, with the exceptions above.
    """
    name = f"{service}:{operation}"
    if name in _READS_BESIDES:
        return True
    return name not in _NOT_READS and not _HANDS_OUT.match(operation) and _PREFIX.match(operation) is not None
