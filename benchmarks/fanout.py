"""Fan-out: ten commands on each of many hosts, by the product and by its peers in turn."""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from environments import HERE, environment
from hosts import Hosts
from measure import Usage, measured
from peers.ansible import ansible_files
from product.project import chain, make_project, ssh_variables

COMMANDS = 10
FORKS = 50


@dataclass(frozen=True, slots=True)
class Contender:
    """A tool that runs the commands.

    Attributes:
        run: does the work once in a fresh folder.
        times: how often at most; None for as often as asked.
    """

    name: str
    run: Callable[[Path, Hosts], Usage]
    times: int | None = None


def ours_plain(folder: Path, hosts: Hosts) -> Usage:
    """Ours, each command bound to its connection."""
    return _ours(folder, hosts, "bench.plain", per_target=False)


def ours_detached(folder: Path, hosts: Hosts) -> Usage:
    """Ours as it comes: each command survives the connection and the engine."""
    return _ours(folder, hosts, "command.run", per_target=False)


def ours_free(folder: Path, hosts: Hosts) -> Usage:
    """Ours as it comes, each host going on without waiting for the others (`needs: [x@target]`)."""
    return _ours(folder, hosts, "command.run", per_target=True)


def ours_plain_free(folder: Path, hosts: Hosts) -> Usage:
    """Ours, plain, each host going on without waiting for the others: what the bare pool does, too."""
    return _ours(folder, hosts, "bench.plain", per_target=True)


def bare_pool(folder: Path, hosts: Hosts) -> Usage:
    """paramiko alone: a pool of threads, one connection a host."""
    return _program(folder, hosts, Path(sys.executable), "paramiko_pool.py")


def nornir(folder: Path, hosts: Hosts) -> Usage:
    """nornir, ten runs over all hosts."""
    return _program(folder, hosts, environment("requirements") / "python", "nornir_run.py")


def pyinfra(folder: Path, hosts: Hosts) -> Usage:
    """pyinfra, ten operations."""
    _facts(folder, hosts)
    peers = HERE / "peers"
    argv = [environment("requirements-pyinfra") / "pyinfra", "-y", "--parallel", str(FORKS)]
    return measured(
        [*argv, peers / "pyinfra_hosts.py", peers / "pyinfra_deploy.py"],
        cwd=folder,
        environment={"BENCH_FACTS": str(folder / "facts.json"), "HOME": str(hosts.home)},
    )


def ansible_command(folder: Path, hosts: Hosts) -> Usage:
    """Ansible's command module."""
    return _ansible(folder, hosts, "command")


def ansible_raw(folder: Path, hosts: Hosts) -> Usage:
    """Ansible's raw module, which needs no Python on the host."""
    return _ansible(folder, hosts, "raw")


OURS = (
    Contender("bare paramiko pool", bare_pool),
    Contender("runbook, plain", ours_plain),
    Contender("runbook, detached (default)", ours_detached),
    Contender("runbook, plain, @target", ours_plain_free),
    Contender("runbook, detached, @target", ours_free),
)
PEERS = (
    Contender("nornir + paramiko", nornir),
    Contender("pyinfra", pyinfra),
    Contender("ansible-core raw", ansible_raw, times=1),
    Contender("ansible-core command", ansible_command, times=1),
)


def compare(
    folder: Path,
    hosts: Hosts,
    contenders: Sequence[Contender],
    times: int,
    say: Callable[[str], None],
    *,
    warm: bool = True,
) -> dict[str, list[Usage]]:
    """Let each contender work, in turn, that many times; every run is checked at the hosts' side.

    Args:
        warm: before that each works once on one host, uncounted, so that none is measured while its code is compiled.
    """
    results: dict[str, list[Usage]] = {contender.name: [] for contender in contenders}
    for contender in contenders if warm else ():
        _once(folder, hosts.some(1), contender)
    for number in range(times):
        for contender in contenders:
            if contender.times is not None and number >= contender.times:
                continue
            usage = _once(folder, hosts, contender)
            results[contender.name].append(usage)
            say(
                f"{contender.name} on {len(hosts.addresses)} hosts: "
                f"{usage.wall:.2f} s, {usage.cpu:.2f} s CPU, {usage.memory:.0f} MB"
            )
    return results


def _once(folder: Path, hosts: Hosts, contender: Contender) -> Usage:
    place = folder / "work"
    place.mkdir()
    usage = contender.run(place, hosts)
    hosts.check_ticks(COMMANDS)
    shutil.rmtree(place)
    return usage


def _ours(folder: Path, hosts: Hosts, action: str, *, per_target: bool) -> Usage:
    steps = chain(COMMANDS, (action, {"shell": hosts.tick}), "all", per_target=per_target)
    project = make_project(folder / "project", "fanout", steps, ssh_variables(hosts))
    argv = [Path(sys.executable).parent / "runbook", "run", "fanout", "--yes", "--forks", str(FORKS)]
    return measured(argv, cwd=project, environment={"HOME": str(hosts.home)})


def _program(folder: Path, hosts: Hosts, python: Path, name: str) -> Usage:
    facts = _facts(folder, hosts)
    return measured([python, HERE / "peers" / name, facts], cwd=folder, environment={"HOME": str(hosts.home)})


def _ansible(folder: Path, hosts: Hosts, module: str) -> Usage:
    environ = ansible_files(folder, hosts, COMMANDS, module)
    argv = [environment("requirements") / "ansible-playbook", "play.yml"]
    return measured(argv, cwd=folder, environment=environ, sampled=True)


def _facts(folder: Path, hosts: Hosts) -> Path:
    path = folder / "facts.json"
    path.write_text(json.dumps({**hosts.facts(), "commands": COMMANDS, "forks": FORKS}))
    return path
