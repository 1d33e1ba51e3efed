"""Imports the command line once, and forks a process for each call that is asked for; see forks.py."""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pydantic

LIBRARIES = (
    "boto3",
    "httpcore",  # httpx imports it when it is first used
    "httpx",
    "jinja2",
    "paramiko",
    "psycopg",
    "rich.console",
    "rich.live",
    "sqlalchemy.dialects.sqlite",
)


def import_all():
    import runbook_engine

    for module in pkgutil.walk_packages(runbook_engine.__path__, "runbook_engine."):
        # The lab reads settings when it is imported, and is another program; Alembic alone can run its `env`.
        if not module.name.startswith("runbook_engine.lab") and not module.name.endswith(
            ("__main__", "migrations.env")
        ):
            importlib.import_module(module.name)
    for name in LIBRARIES:
        importlib.import_module(name)
    read_aws_models()
    for model in _models(pydantic.BaseModel):
        model.model_rebuild()  # else the first process that needs it does, and each does


def read_aws_models():
    """Read what is asked for by most runbooks in which there is any AWS."""
    from botocore.session import Session

    from runbook_engine.connections.aws import service_models

    session = Session()
    session.register_component("data_loader", service_models(None))
    for name in ("rds", "route53", "s3", "sts"):
        session.create_client(name, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")


def _models(base):
    for model in base.__subclasses__():
        yield from _models(model)
        if model.__module__.startswith("runbook_engine.") and not model.__pydantic_complete__:
            yield model


def serve(asking):
    """Fork a process for each call; returns in that process, with what it is to do."""
    while True:
        message, fds, _, _ = socket.recv_fds(asking, 1 << 20, 4)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            asking.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if (call := watched(json.loads(message), fds)) is not None:
                return call
        for fd in fds:
            os.close(fd)


def watched(call, fds):
    """Fork the process itself, and tell who asked its id and how it ends."""
    *streams, told = fds
    if (child := os.fork()) == 0:
        os.close(told)
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
            os.close(fd)
        return call
    for fd in (0, 1, 2, *streams):
        os.close(fd)
    os.write(told, f"{child}\n".encode())
    status = os.waitpid(child, 0)[1]
    try:
        os.write(told, f"{status}\n".encode())
    except BrokenPipeError:
        os._exit(1)  # nobody wants to know
    os._exit(0)


def bind(more):
    """Let the process have so many bytes of address space more than it was forked with, and a minute of a core."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + more
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))


def become(call):
    """Be the process that `python -m runbook_engine.cli.main` would be."""
    if call["pid_file"]:
        Path(call["pid_file"]).write_text(f"{os.getpid()}\n")
    if call["megabytes"]:
        bind(call["megabytes"] << 20)
    while call["traced"] and os.getpriority(os.PRIO_PROCESS, 0) != call["traced"]:
        time.sleep(0.002)  # strace answers this one, as soon as it sees every call
    os.environ.clear()
    os.environ.update(call["env"])
    time.tzset()
    os.chdir(call["cwd"])
    sys.path[0] = call["cwd"]
    sys.argv = [sys.modules["runbook_engine.cli.main"].__file__, *call["words"]]
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115 - as long as the process
    sys.stderr = open(2, "w", closefd=False, errors="backslashreplace", buffering=1)  # noqa: SIM115
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr


def main():
    asking = socket.socket(fileno=int(sys.argv[1]))
    import_all()
    # What was imported is old: a fork's collections of what is young leave its pages alone. Frozen it would be counted,
    # object by object, whenever `collector_paused` asks whether something is.
    gc.collect()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who watch
    signal.signal(signal.SIGINT, signal.default_int_handler)
    call = serve(asking)
    become(call)
    try:
        if call["code"]:
            exec(call["code"], {"__name__": "__main__"})  # noqa: S102 - a test's own
            sys.exit(0)
        sys.modules["runbook_engine.cli.main"].main()
    except SystemExit as end:
        # As an interpreter ends, but for taking all that was imported to pieces, which copies every page of it.
        threading._shutdown()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(end.code)


if __name__ == "__main__":
    main()
