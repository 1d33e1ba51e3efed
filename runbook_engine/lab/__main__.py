"""`python -m runbook_engine.lab`: runs the rehearsal lab in the foreground until it is ended."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from runbook_engine.lab.errors import LabError

EXIT_CANNOT_START = 2
OWN_SETTINGS = {
    "AWS_CONFIG_FILE": os.devnull,  # nothing of the user's own cloud may reach the lab
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # half of the start-up time, and not needed
}


def main(arguments: list[str] | None = None) -> int:
    """Run the lab; exit code 0 when it was ended, 2 when it could not start."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(OWN_SETTINGS)
    from runbook_engine.lab import supervisor  # moto reads the settings when it is imported

    try:
        supervisor.run_lab(
            supervisor.LabOptions(
                state=options.state,
                ready_file=options.ready_file,
                ports=_ports(options.port, (*supervisor.SERVERS, *supervisor.HOSTS)),
                restore_polls=options.restore_polls,
                snapshot_age=options.snapshot_age,
                broken_region=_region(options.broken_region, tuple(supervisor.HOSTS.values())),
                parent_pid=options.parent_pid,
                ttl=options.ttl,
                snapshot_every=options.snapshot_every,
                capacity=options.capacity,
                lock=options.lock_fd,
            ),
            _announce,
        )
    except (LabError, OSError) as error:
        sys.stderr.write(f"lab: {error}\n")
        return EXIT_CANNOT_START
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runbook_engine.lab", description=__doc__)
    add = parser.add_argument
    add("--state", type=Path, required=True, help="folder for everything the lab keeps")
    add("--ready-file", type=Path, help="write the path of lab.json there once everything is ready")
    add("--port", action="append", default=[], metavar="NAME=PORT", help="a fixed port (aws, dns, primary-1, …)")
    add(
        "--restore-polls",
        type=int,
        default=os.environ.get("LAB_RESTORE_POLLS", "3"),
        metavar="N",
        help="answers that call a restored instance 'creating' (LAB_RESTORE_POLLS, or 3)",
    )
    add("--snapshot-age", type=float, default=240.0, metavar="S", help="age of the snapshot at the start (240)")
    add("--snapshot-every", type=float, default=0.0, metavar="S", help="take a snapshot every S seconds (0: none)")
    add("--capacity", action="store_true", help="also make what stands by: images, groups, a secret, backups")
    add("--lock-fd", type=int, metavar="N", help="an inherited file that holds the lock on the folder")
    add("--break", dest="broken_region", metavar="REGION", help="start with this region down")
    add("--parent-pid", type=int, metavar="PID", help="end when this process is gone")
    add("--ttl", type=float, default=3600.0, metavar="S", help="end after so many seconds (3600)")
    return parser


def _ports(given: list[str], names: tuple[str, ...]) -> dict[str, int]:
    ports: dict[str, int] = {}
    for entry in given:
        name, _, number = entry.partition("=")
        if name not in names or not number.isdecimal():
            raise LabError(f"--port {entry} is not NAME=PORT", f"names are {', '.join(names)}")
        ports[name] = int(number)
    return ports


def _region(given: str | None, known: tuple[str, ...]) -> str | None:
    if given is not None and given not in known:
        raise LabError(f"--break {given}: no such region", f"there are {', '.join(sorted(set(known)))}")
    return given


def _announce(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
