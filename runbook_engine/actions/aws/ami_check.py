"""aws.ami_check: a machine image is in the region, complete, and new enough."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.ec2_backups import BackupCheckParams, Kept, choose, kept
from runbook_engine.actions.aws.freshness import judged_by_age
from runbook_engine.actions.aws.marks import as_utc
from runbook_engine.sdk import Action, ActionContext, AwsClient, Finding, Outputs


class AmiCheckParams(BackupCheckParams):
    """Which image."""

    name: str = Field(
        min_length=3, max_length=128, description="its name; `*` and `?` as EC2's filters have them", examples=["web-*"]
    )
    owner: str = Field("self", min_length=1, description="account that it is of", examples=["self", "123456789012"])


class AmiCheckOutputs(Outputs):
    """The image."""

    image: str = Field("", description="its id")
    name: str = Field("", description="its name")
    recovery_point: str = Field("", description="the time that it (of a copy: the original) was made, UTC")


class AmiCheck(Action[AmiCheckParams]):
    """Verify that a machine image is in the region, and new enough.

    check: chooses the newest available image of that name; none, and one that is older than max_age, fail the step. A
    copy counts from when its original was made, as far as a tag of ours or the source region says so; else from its own
    time, and that is told. That instances start from it, only a launch shows.
    """

    name = "aws.ami_check"
    eventual = True
    aws_reads = ("ec2:DescribeImages",)
    duration = "seconds"
    tested = ("moto",)
    Params = AmiCheckParams
    Outputs = AmiCheckOutputs
    example: ClassVar[str] = """\
aws.ami_check:
  name: web-*
  region: eu-west-1
  source_region: us-east-1
  max_age: 31d
"""

    def check(self, params: AmiCheckParams, context: ActionContext) -> Finding:
        """Choose the image and compare its age."""
        found = choose(
            params,
            context,
            partial(_images, params),
            ready="available",
            what=f"available image {params.name}",
            hint="copy it (aws.ami_copy), or look at its name",
        )
        outputs = {"image": found.kept.id, "name": found.kept.item.get("Name", "")}
        words = f"image {outputs['image']} ({outputs['name']}) is available in {params.region}{found.note}"
        return judged_by_age(words, found.taken, context, max_age=params.max_age, outputs=outputs)


def _images(params: AmiCheckParams, ec2: AwsClient) -> Iterator[Kept]:
    filters = [{"Name": "name", "Values": [params.name]}]
    for item in ec2.pages("describe_images", "Images", Owners=[params.owner], Filters=filters):
        yield kept(item, "ImageId", as_utc(datetime.fromisoformat(str(item["CreationDate"]))))
