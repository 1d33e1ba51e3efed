"""Imports paramiko without the task runner that it would bring along."""

import sys
import threading

_RUNNER = "invoke"
_LOCK = threading.Lock()


def load_paramiko() -> None:
    """Import paramiko as if `invoke` were not installed: a third of its time and memory would be that one's.

    paramiko allows for that: only its own reading of `Match exec` in OpenSSH's configuration runs anything by
    `invoke`, and we have OpenSSH itself read its configuration. Somebody else's import of `invoke` stays as it was.
    """
    with _LOCK:
        if "paramiko" in sys.modules or _RUNNER in sys.modules:
            return
        sys.modules[_RUNNER] = None  # type: ignore[assignment] # the documented way to say that there is none
        try:
            import paramiko  # noqa: F401 - whoever uses it imports it by its name
        finally:
            del sys.modules[_RUNNER]
