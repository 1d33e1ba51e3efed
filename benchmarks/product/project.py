"""Makes projects for the product to run: a runbook, an inventory, the measuring actions, a fresh journal."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hosts import Hosts

ACTIONS = Path(__file__).parent / "actions.py"


@dataclass(frozen=True, slots=True)
class BenchStep:
    """A step of a generated runbook; `action` is its name and its parameters."""

    id: str
    action: tuple[str, Mapping[str, object]]
    needs: Sequence[str] = ()
    targets: str = "localhost"


def make_project(
    folder: Path, name: str, steps: Sequence[BenchStep], hosts: Mapping[str, Mapping[str, object]]
) -> Path:
    """Write a project with one runbook and one inventory, and give its folder.

    Args:
        hosts: variables by host; none for the machine itself.
    """
    for part in ("runbooks", "inventories/bench", "plugins"):
        (folder / part).mkdir(parents=True)
    shutil.copy(ACTIONS, folder / "plugins" / "bench_actions.py")
    (folder / "runbook.toml").write_text('inventory = "bench"\nforks = 50\n')
    inventory = {"all": {"hosts": hosts}} if hosts else {"all": {"vars": {"nothing": True}}}
    (folder / "inventories" / "bench" / "hosts.yml").write_text(_yaml(inventory))
    lines = [f"runbook: {name}", f"title: {name}", "steps:"]
    for step in steps:
        lines.append(f"  - id: {step.id}")
        if step.needs:
            lines.append(f"    needs: {json.dumps(list(step.needs))}")
        if step.targets != "localhost":
            lines.append(f"    targets: {step.targets}")
        lines.append(f"    {step.action[0]}: {json.dumps(step.action[1])}")
    (folder / "runbooks" / f"{name}.yml").write_text("\n".join(lines) + "\n")
    return folder


def chain(
    count: int, action: tuple[str, Mapping[str, object]], targets: str, *, per_target: bool = False
) -> list[BenchStep]:
    """Give steps that follow each other, wholly or (`per_target`) host by host."""
    suffix = "@target" if per_target else ""
    return [BenchStep(f"s{n}", action, (f"s{n - 1}{suffix}",) if n else (), targets) for n in range(count)]


def ssh_variables(hosts: Hosts) -> dict[str, dict[str, object]]:
    """Give the inventory's variables of the hosts."""
    return {
        f"h{number}": {
            "ansible_host": address,
            "ansible_port": hosts.port,
            "ansible_user": hosts.user,
            "ansible_ssh_private_key_file": str(hosts.key),
        }
        for number, address in enumerate(hosts.addresses)
    }


def _yaml(inventory: Mapping[str, object]) -> str:
    """JSON is YAML; one host a line keeps it readable."""
    return json.dumps(inventory, indent=1) + "\n"
