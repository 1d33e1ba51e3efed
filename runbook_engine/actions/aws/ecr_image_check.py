"""aws.ecr_image_check: a container image is in the region's registry, and is the source region's."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.common import REGION, AwsParams, client
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import as_utc
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    AwsAnswer,
    AwsClient,
    AwsError,
    Change,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)


class EcrCheckParams(AwsParams):
    """Which image."""

    repository: str = Field(min_length=2, description="name of the repository, in both regions", examples=["reviews"])
    tag: str = Field(min_length=1, max_length=300, description="tag of the image", examples=["1.4.2"])
    source_region: str = Field(pattern=REGION, description="region that it comes from", examples=["us-east-1"])
    registry: str | None = Field(
        None, pattern=r"^\d{12}$", description="account of the registry; default: the credentials'"
    )


class EcrCheckOutputs(Outputs):
    """The image."""

    digest: str = Field("", description="its digest", examples=["sha256:0123…"])
    pushed: str = Field("", description="when it came to this region, UTC; empty when not known")


class EcrImageCheck(Action[EcrCheckParams]):
    """Verify that a container image is in the region, with the digest that it has in the source region.

    check: compares the digests behind the tag; an image that lacks in either region, and another digest, fail the step.
    ECR replicates by its own rules; what was pushed before there was a rule it never copies.
    """

    name = "aws.ecr_image_check"
    eventual = True
    aws_reads = ("ecr:DescribeImages",)
    duration = "seconds"
    tested = ("moto",)
    Params = EcrCheckParams
    Outputs = EcrCheckOutputs
    example: ClassVar[str] = """\
aws.ecr_image_check:
  repository: reviews
  tag: "1.4.2"
  source_region: us-east-1
  region: eu-west-1
"""

    def check(self, params: EcrCheckParams, context: ActionContext) -> Finding:
        """Compare the digests."""
        source = _image(params, client(params, context, "ecr", region=params.source_region), params.source_region)
        image = _image(params, client(params, context, "ecr"), params.region)
        digest, wanted = str(image["imageDigest"]), str(source["imageDigest"])
        what = f"image {params.repository}:{params.tag}"
        if digest != wanted:
            change = Change(what=f"{what} digest", before=digest, after=wanted)
            return unsatisfied(f"{what} of {params.region} is not that of {params.source_region}", changes=(change,))
        pushed = image.get("imagePushedAt")
        outputs = {"digest": digest, "pushed": as_utc(pushed).isoformat() if pushed else ""}
        return satisfied(f"{what} is in {params.region}, with the digest of {params.source_region}", outputs=outputs)


def _image(params: EcrCheckParams, ecr: AwsClient, region: str) -> AwsAnswer:
    """Describe the image.

    Raises:
        ActionFailedError: there is none.
    """
    try:
        found = ecr.call(
            "describe_images",
            repositoryName=params.repository,
            imageIds=[{"imageTag": params.tag}],
            registryId=params.registry,
        ).get("imageDetails")
    except AwsError as error:
        if trouble(error) is not Trouble.NOT_FOUND:
            raise
        found = []
    if not found:
        raise ActionFailedError(
            f"there is no image {params.repository}:{params.tag} in {region}",
            hint="look at the registry's replication rules, or push it there",
        )
    image: AwsAnswer = found[0]
    return image
