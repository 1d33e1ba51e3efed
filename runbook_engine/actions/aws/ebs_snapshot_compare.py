"""aws.ebs_snapshot_compare: blocks of a copied volume snapshot are, byte for byte, those of its original."""

import base64
import hashlib
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.common import REGION, AwsParams, client
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    AwsAnswer,
    AwsClient,
    AwsError,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)

SNAPSHOT = r"^snap-[0-9a-f]+$"
GIB = 1 << 30
FEWEST = 100  # the least that AWS lets a listing be limited to
NAMED = 10


class EbsCompareParams(AwsParams):
    """Which snapshots, and how much of them."""

    snapshot: str = Field(pattern=SNAPSHOT, description="id of the copy", examples=["snap-0123456789abcdef0"])
    source_snapshot: str = Field(
        pattern=SNAPSHOT, description="id of its original", examples=["snap-0fedcba9876543210"]
    )
    source_region: str = Field(pattern=REGION, description="region of the original", examples=["us-east-1"])
    blocks: int = Field(
        16, ge=1, le=1000, description="blocks of half a MiB to read of each, evenly spread over the volume"
    )


class EbsCompareOutputs(Outputs):
    """What was compared."""

    compared: int = Field(0, description="blocks that were read of both and are the same")
    sha256: str = Field("", description="checksum over the checksums of these blocks")


class EbsSnapshotCompare(Action[EbsCompareParams]):
    """Compare blocks of a copied volume snapshot with its original's, without making a volume of either.

    check: reads blocks through the EBS direct APIs, evenly spread over the volume, and compares their checksums, which
    it computes itself; a block that differs or lacks fails the step. What was not read is not proven; a file system's
    state and the application's are not looked at. Reading costs by the request. Both regions are asked.
    """

    name = "aws.ebs_snapshot_compare"
    eventual = True
    aws_reads = ("ebs:ListSnapshotBlocks", "ebs:GetSnapshotBlock")
    duration = "seconds to a minute, by blocks"
    tested = ("moto",)
    Params = EbsCompareParams
    Outputs = EbsCompareOutputs
    example: ClassVar[str] = """\
aws.ebs_snapshot_compare:
  snapshot: snap-0123456789abcdef0
  region: eu-west-1
  source_snapshot: snap-0fedcba9876543210
  source_region: us-east-1
"""

    def check(self, params: EbsCompareParams, context: ActionContext) -> Finding:
        """Read and compare."""
        copy = client(params, context, "ebs")
        source = client(params, context, "ebs", region=params.source_region)
        digest, differing, compared = hashlib.sha256(), [], 0
        for block in _spread(source, params.source_snapshot, params.blocks):
            index = int(block["BlockIndex"])
            wanted = _checksum(source, params.source_snapshot, block)
            match = next(iter(_blocks(copy, params.snapshot, index)), None)
            same = match is not None and match["BlockIndex"] == index
            if match is None or not same or _checksum(copy, params.snapshot, match) != wanted:
                differing.append(index)
                continue
            compared += 1
            digest.update(wanted)
            context.progress(f"{compared} blocks are the same")
        if not compared and not differing:
            raise ActionFailedError(f"snapshot {params.source_snapshot} of {params.source_region} has no blocks")
        pair = f"{params.snapshot} and {params.source_snapshot} of {params.source_region}"
        if differing:
            which = ", ".join(str(index) for index in differing[:NAMED])
            more = f" and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
            looked = compared + len(differing)
            return unsatisfied(f"{len(differing)} of {looked} blocks of {pair} differ: {which}{more}")
        outputs = {"compared": compared, "sha256": digest.hexdigest()}
        return satisfied(f"{compared} blocks of {pair} are the same", outputs=outputs)


def _spread(ebs: AwsClient, snapshot: str, blocks: int) -> list[AwsAnswer]:
    """Give at most so many blocks that hold data: those at or behind evenly spread places, and then the first ones."""
    answer = _list(ebs, snapshot, 0)
    places = int(answer.get("VolumeSize", 0)) * GIB // int(answer.get("BlockSize") or GIB)
    chosen: dict[int, AwsAnswer] = {}
    for number in range(blocks):
        block = next(iter(_blocks(ebs, snapshot, number * places // blocks)), None)
        if block is None:
            break
        chosen[int(block["BlockIndex"])] = block
    for block in answer.get("Blocks") or ():  # a volume that is filled at its beginning only
        if len(chosen) < blocks:
            chosen.setdefault(int(block["BlockIndex"]), block)
    return [chosen[index] for index in sorted(chosen)]


def _blocks(ebs: AwsClient, snapshot: str, start: int) -> list[AwsAnswer]:
    listed = _list(ebs, snapshot, start).get("Blocks") or []
    return sorted((one for one in listed if one["BlockIndex"] >= start), key=lambda one: int(one["BlockIndex"]))


def _list(ebs: AwsClient, snapshot: str, start: int) -> AwsAnswer:
    """List blocks from a place on.

    Raises:
        ActionFailedError: there is no such snapshot.
    """
    try:
        return ebs.call("list_snapshot_blocks", SnapshotId=snapshot, StartingBlockIndex=start, MaxResults=FEWEST)
    except AwsError as error:
        if trouble(error) is not Trouble.NOT_FOUND:
            raise
        raise ActionFailedError(f"there is no snapshot {snapshot}", hint="give its id in its region") from error


def _checksum(ebs: AwsClient, snapshot: str, block: AwsAnswer) -> bytes:
    """Read a block and give its SHA-256.

    Raises:
        ActionFailedError: what came is not what AWS says that it sent.
    """
    answer = ebs.call(
        "get_snapshot_block", SnapshotId=snapshot, BlockIndex=block["BlockIndex"], BlockToken=block["BlockToken"]
    )
    found = hashlib.sha256(answer["BlockData"]).digest()
    if answer.get("ChecksumAlgorithm") == "SHA256" and answer.get("Checksum") != base64.b64encode(found).decode():
        raise ActionFailedError(
            f"block {block['BlockIndex']} of {snapshot} is not what its checksum says", hint="run the step again"
        )
    return found
