"""Loads an inventory: sources into a draft, the draft completed and merged into frozen values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_engine.loading.inventory.draft import ALL, Draft
from runbook_engine.loading.inventory.files import InventoryFiles
from runbook_engine.loading.inventory.findings import Findings, Place
from runbook_engine.loading.inventory.hidden import without_parts
from runbook_engine.loading.inventory.instances import DescribeInstances
from runbook_engine.loading.inventory.merge import Precedence, complete_groups, group_depths
from runbook_engine.loading.inventory.sources import read_source
from runbook_engine.loading.inventory.vars_files import VarsFolders
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Diagnostic, has_errors
from runbook_engine.model.inventory import Group, Inventory
from runbook_engine.model.json import JsonValue
from runbook_engine.model.quoting import quoted

DRILL = "runbook_drill"
_LONGEST_CYCLE = 12
_YES, _NO = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class LoadedInventory:
    """An inventory, or the reasons why there is none; warnings come with an inventory."""

    inventory: Inventory | None
    diagnostics: list[Diagnostic]


def load_inventory(
    sources: Sequence[Path],
    *,
    name: str,
    project: Path,
    limits: Limits,
    describe: DescribeInstances | None = None,
) -> LoadedInventory:
    """Read inventory sources as Ansible does, and merge the variables of every host.

    Args:
        sources: files and folders; a later one adds to and overrules an earlier one.
        name: how the operator named the inventory.
        project: the project's folder; its `group_vars/` and `host_vars/` overrule those beside the sources.
        limits: bounds on each file; a tenth of `nodes` is the greatest number of hosts.
        describe: asks EC2 for instances, for `aws_ec2` sources.
    """
    findings = Findings()
    files = InventoryFiles(project, sources, limits, findings, describe=describe)
    draft = Draft(findings, most_hosts=max(1, limits.nodes // 10))
    for source in sources:
        read_source(source, draft, files)
    complete_groups(draft)
    depths, cycle = group_depths(draft)
    if _sound(draft, depths, cycle, limits):
        beside = [source if source.is_dir() else source.parent for source in sources]
        merge = Precedence(draft, depths, beside, project, VarsFolders(files, findings))
        groups = {group: merge.group(group) for group in draft.groups}
        targets = {host: merge.target(host) for host in draft.hosts}
        localhost = merge.localhost()
        inventory = Inventory(
            name=name,
            targets=targets,
            groups=groups,
            drill=_is_drill(groups, name, findings),
            files=dict(sorted(files.hashes.items())),
            localhost_variables=localhost,
            secrets=files.vault.secrets,
        )
        found = _without(findings.sorted(), files.vault.secrets)
        return LoadedInventory(None if has_errors(found) else inventory, found)
    return LoadedInventory(None, _without(findings.sorted(), files.vault.secrets))


def _without(found: list[Diagnostic], secrets: Mapping[str, str]) -> list[Diagnostic]:
    """Take decrypted texts out of what is told about the inventory; a finding may quote a value."""
    if not secrets:
        return found
    return [one.model_copy(update={"message": without_parts(one.message, secrets)}) for one in found]


def _sound(draft: Draft, depths: dict[str, int], cycle: tuple[str, ...], limits: Limits) -> bool:
    """Tell whether the groups can be ordered; a finding says why not."""
    if cycle:
        place = draft.groups[cycle[0]].children[cycle[1]]
        shown = cycle if len(cycle) <= _LONGEST_CYCLE else (*cycle[: _LONGEST_CYCLE - 2], "…", cycle[-1])
        draft.findings.add("RB308", place, f"groups contain each other: {' > '.join(shown)}", "take one of them out")
        return False
    deepest = max(depths, key=lambda group: depths[group])
    if depths[deepest] > limits.depth:
        draft.findings.add(
            "RB308",
            max(place for group in draft.groups.values() for name, place in group.children.items() if name == deepest),
            f"group {quoted(deepest)} is nested {depths[deepest]} deep; at most {limits.depth} are allowed",
            "nest less, or raise limits.depth in runbook.toml",
        )
        return False
    return True


def _is_drill(groups: dict[str, Group], name: str, findings: Findings) -> bool:
    for group in groups.values():
        if DRILL in group.variables and group.name != ALL:
            findings.add(
                "RB322", Place(name), f"{DRILL} of group {quoted(group.name)} has no effect", "set it in group all"
            )
    value: JsonValue = groups[ALL].variables.get(DRILL, False)
    said = str(value).lower()
    if said not in _YES | _NO:
        findings.add("RB323", Place(name), f"{DRILL} of group all is {quoted(value)}", "write true or false")
    return said in _YES
