"""Which IAM permissions an AWS operation needs: mostly the one of its own name, and the exceptions."""

# Operations are named by boto's service; IAM has another word for some of them.
_SERVICES = {"elbv2": "elasticloadbalancing", "stepfunctions": "states", "sesv2": "ses"}

# Source: the service authorization reference, as far as the built-in actions go. S3's permissions are not named as its
# operations, because one object has several of them.
_OTHERWISE: dict[str, tuple[str, ...]] = {
    "lambda:Invoke": ("lambda:InvokeFunction",),
    "s3:CopyObject": (
        "s3:GetObject",
        "s3:GetObjectTagging",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionTagging",
        "s3:PutObject",
        "s3:PutObjectTagging",
    ),
    "s3:DeleteObjects": ("s3:DeleteObject",),
    "s3:GetBucketReplication": ("s3:GetReplicationConfiguration",),
    "s3:GetObjectLockConfiguration": ("s3:GetBucketObjectLockConfiguration",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:HeadObject": ("s3:GetObject", "s3:GetObjectVersion"),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListObjects": ("s3:ListBucket",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "sts:GetCallerIdentity": (),  # everybody may ask who they are
}


def permissions_of(operation: str) -> tuple[str, ...]:
    """Give the permissions that an operation (`s3:ListObjectsV2`) needs."""
    if operation in _OTHERWISE:
        return _OTHERWISE[operation]
    service, _, name = operation.partition(":")
    return (f"{_SERVICES.get(service, service)}:{name}",)
