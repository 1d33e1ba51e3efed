"""What works on one repository in a process of its own, which outlives the engine: reads a job, tells how it ended.

Started as `python -I -S -c BOOT FOLDER PACKAGE`, with the job and the token in the environment: neither an argument nor
a file has the token. The last line of its output is one JSON object: what was done, or `error` and `hint`.
"""

import json
import os
import resource
import sys
from pathlib import Path
from urllib.parse import urlsplit

from .git_command import JobError, Login, answering
from .git_mirror import MirrorJob, mirror
from .git_restore import RestoreJob, restore

JOB, TOKEN = "RUNBOOK_GIT_JOB", "RUNBOOK_GIT_PASSWORD"
_BOOT = (
    "import importlib, sys; folder, package = sys.argv[1:]; sys.path.append(folder); "
    "importlib.import_module(package + '.git_job').main()"
)


def argv() -> tuple[str, ...]:
    """Give the command that starts a job: isolated, so that nothing but Python itself and these files is imported."""
    here = Path(__file__).resolve().parent
    return (sys.executable, "-I", "-S", "-B", "-c", _BOOT, str(here.parent), here.name)


def main() -> None:
    """Do the job that the environment names."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the token
    token = os.environ.pop(TOKEN, "")
    try:
        result = _do(json.loads(os.environ.pop(JOB)), token)
    except JobError as error:
        result = {"error": error.message, "hint": error.hint}
    except OSError as error:
        result = {"error": f"{error.filename or 'the backup'}: {error.strerror or error}", "hint": ""}
    sys.stdout.write(json.dumps(result) + "\n")


def _do(job: dict[str, object], token: str) -> dict[str, object]:
    kind, user, facts = job.pop("kind"), str(job.pop("user")), job
    parts = urlsplit(str(facts["url"]))
    with answering(Login(f"{parts.scheme}://{parts.netloc}", user, token)) as login:
        if kind == "mirror":
            return mirror(MirrorJob(**facts), login)  # type: ignore[arg-type] # JSON, written by ourselves
        return restore(RestoreJob(**facts), login)  # type: ignore[arg-type] # as above
