"""What a process that a test starts finds besides its interpreter's own modules."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def own_path() -> str:
    """Give a PYTHONPATH with this checkout's folders alone.

    Another Python that the process starts (Ansible, a runbook's own program) would take this interpreter's modules for
    its own.
    """
    own = [path for path in sys.path if path and Path(path).is_relative_to(ROOT)]
    return os.pathsep.join(path for path in own if not Path(path).is_relative_to(sys.prefix))
