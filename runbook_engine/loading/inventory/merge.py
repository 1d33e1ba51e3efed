"""From the draft to the inventory: everything in its group, groups in order, variables merged by precedence."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from runbook_engine.loading.inventory.draft import ALL, UNGROUPED, Draft
from runbook_engine.loading.inventory.findings import Place
from runbook_engine.loading.inventory.vars_files import VarsFolders
from runbook_engine.model.inventory import LOCALHOST, Group, Target
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.quoting import quoted

GroupSet = tuple[str, ...]


def complete_groups(draft: Draft) -> None:
    """Put every group below `all`, and every host that is in no group into `ungrouped`."""
    parented = {child for group in draft.groups.values() for child in group.children}
    for name in draft.groups:
        if name != ALL and name not in parented:
            draft.groups[ALL].children.setdefault(name, Place(""))
    for name, host in draft.hosts.items():
        elsewhere = host.groups.keys() - {ALL, UNGROUPED}
        if elsewhere and UNGROUPED in host.groups:
            del host.groups[UNGROUPED], draft.groups[UNGROUPED].hosts[name]
        elif not elsewhere and UNGROUPED not in host.groups:
            host.groups[UNGROUPED] = None
            draft.groups[UNGROUPED].hosts[name] = None
        if name in draft.groups:
            draft.findings.add(
                "RB313",
                host.place,
                f"{quoted(name)} is both a host and a group; variables of the host's line go to the group",
                "give one of them another name",
            )


def group_depths(draft: Draft) -> tuple[dict[str, int], tuple[str, ...]]:
    """Give the length of the longest way from `all` to each group; the deeper a group, the stronger its variables.

    Returns:
        The depths, and a cycle as a path whose ends are the same group if there is one; then the depths mean nothing.
    """
    parents = parents_of(draft)
    waiting = {name: len(above) for name, above in parents.items()}
    depths = dict.fromkeys(draft.groups, 0)
    ready = [name for name, count in waiting.items() if count == 0]
    while ready:
        name = ready.pop()
        del waiting[name]
        for child in draft.groups[name].children:
            depths[child] = max(depths[child], depths[name] + 1)
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(child)
    return depths, _cycle(waiting, parents)


def parents_of(draft: Draft) -> dict[str, list[str]]:
    """Give the direct parents of each group."""
    parents: dict[str, list[str]] = {name: [] for name in draft.groups}
    for name, group in draft.groups.items():
        for child in group.children:
            parents[child].append(name)
    return parents


def _cycle(stuck: dict[str, int], parents: dict[str, list[str]]) -> tuple[str, ...]:
    """Walk up from a group that could not be ordered: each has a parent like it, so the walk meets itself."""
    walk: dict[str, None] = {}
    name = next(iter(stuck), None)
    while name is not None and name not in walk:
        walk[name] = None
        name = next(parent for parent in parents[name] if parent in stuck)
    if name is None:
        return ()
    names = list(walk)
    return (name, *reversed(names[names.index(name) :]))


class Precedence:
    """Merges variables as Ansible does, weakest first.

    `all` of the sources, other groups of the sources, `group_vars/all` beside the sources, beside the project, other
    `group_vars` beside the sources, beside the project, then the host's own in the same order. Of two groups the
    deeper one wins, then the one with the greater `ansible_group_priority`, then the later name.

    Args:
        draft: complete and without a cycle.
        depths: from `group_depths`.
        beside_sources: folders of the sources, in the order of the sources.
        project: the project's folder.
        folders: reads `group_vars` and `host_vars`.
    """

    def __init__(
        self, draft: Draft, depths: dict[str, int], beside_sources: Sequence[Path], project: Path, folders: VarsFolders
    ) -> None:
        self._draft = draft
        self._depths = depths
        self._folders = folders
        self._parents = parents_of(draft)
        beside = (*beside_sources, project)
        self._group_vars = [path for one in beside if (path := one / "group_vars").is_dir()]
        self._host_vars = [path for one in beside if (path := one / "host_vars").is_dir()]
        self._groups: dict[GroupSet, GroupSet] = {}
        self._bases: dict[GroupSet, dict[str, JsonValue]] = {}

    def target(self, name: str) -> Target:
        """Give a host with all groups it is in and all variables it sees."""
        host = self._draft.hosts[name]
        groups = self._all_groups(tuple(host.groups))
        variables = self._base(groups) | host.variables | self._host_files(name)
        names = tuple(sorted(group for group in groups if group not in {ALL, UNGROUPED}))
        return Target.model_construct(name=name, groups=names, variables=variables)

    def group(self, name: str) -> Group:
        """Give a group with its own variables, those of files included."""
        draft = self._draft.groups[name]
        variables = {**draft.variables}
        for folder in self._group_vars:
            variables.update(self._folders.of(folder, name))
        return Group.model_construct(
            name=name,
            hosts=tuple(draft.hosts),
            children=tuple(draft.children),
            variables=variables,
            priority=draft.priority,
        )

    def localhost(self) -> JsonObject:
        """Give what the files say about `localhost`, which exists without being named."""
        return self._host_files(LOCALHOST)

    def _all_groups(self, direct: GroupSet) -> GroupSet:
        """Give the groups and all above them, `all` left out, weakest first."""
        if direct not in self._groups:
            found = with_parents(direct, self._parents) - {ALL}
            groups = self._draft.groups
            order = sorted(found, key=lambda name: (self._depths[name], groups[name].priority, name))
            self._groups[direct] = tuple(order)
        return self._groups[direct]

    def _base(self, groups: GroupSet) -> dict[str, JsonValue]:
        """Merge what a host gets from its groups; shared by all hosts of the same groups."""
        if groups not in self._bases:
            merged: dict[str, JsonValue] = {}
            for name in (ALL, *groups):
                merged.update(self._draft.groups[name].variables)
            for names in ((ALL,), groups):
                for folder in self._group_vars:
                    for name in names:
                        merged.update(self._folders.of(folder, name))
            self._bases[groups] = merged
        return self._bases[groups]

    def _host_files(self, name: str) -> dict[str, JsonValue]:
        merged: dict[str, JsonValue] = {}
        for folder in self._host_vars:
            merged.update(self._folders.of(folder, name))
        return merged


def with_parents(direct: Iterable[str], parents: Mapping[str, Iterable[str]]) -> set[str]:
    """Give groups and all those above them."""
    found, waiting = set(direct), list(direct)
    while waiting:
        new = [parent for parent in parents[waiting.pop()] if parent not in found]
        found.update(new)
        waiting.extend(new)
    return found
