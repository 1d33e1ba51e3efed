"""Files of this machine: nothing waits for who writes into a pipe, and what is no file is told."""

import os
from pathlib import Path

import pytest

from runbook_engine.connections.local_files import LocalFiles
from runbook_engine.sdk import FileAccessError


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (os.mkfifo, "it is no plain file"),
        (os.mkdir, "it is a folder"),
        (lambda path: Path(path).symlink_to(path), "levels"),
    ],
)
def test_what_is_no_file_is_not_read(make, says, tmp_path):
    path = str(tmp_path / "x")
    make(path)
    for read in (lambda: LocalFiles().read(path, limit=10), lambda: LocalFiles().sha256(path)):
        with pytest.raises(FileAccessError, match=says):
            read()
