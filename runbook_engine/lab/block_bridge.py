"""Wrong data in the copies of volume snapshots: what the EBS direct APIs read of them, while it is switched on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import ClassVar

from moto.ebs.models import Block, EBSBackend, ebs_backends

COPIED = "[Copied "
"""How the description of a copy begins."""


class BridgedBlocks(EBSBackend):
    """moto's EBS direct APIs, whose copies may be spoiled."""

    spoiled: ClassVar[Callable[[], bool]]

    def get_snapshot_block(self, snapshot_id: str, block_index: int) -> Block:
        """Read a block; of a copy that is spoiled it has another beginning, and the checksum that goes with it."""
        block = super().get_snapshot_block(snapshot_id, block_index)
        if not type(self).spoiled() or not self.snapshots[snapshot_id].description.startswith(COPIED):
            return block
        data = b"\0lost\0" + block.block_data[6:]
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        return Block(data, checksum, block.checksum_algorithm, block.data_length)


def install(is_spoiled: Callable[[], bool]) -> None:
    """Make moto use EBS backends that ask `is_spoiled`; call it before the first EBS request."""

    class Installed(BridgedBlocks):
        __module__ = EBSBackend.__module__  # moto finds a backend's URLs beside the module of its class
        spoiled = staticmethod(is_spoiled)

    ebs_backends.backend = Installed
