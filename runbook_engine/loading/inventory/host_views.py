"""What a host looks like while sources are still being read: groups and variables so far, merged as Ansible does."""

from collections.abc import Iterable
from ipaddress import ip_address

from runbook_engine.loading.inventory.draft import ALL, Draft
from runbook_engine.loading.inventory.merge import group_depths, parents_of, with_parents
from runbook_engine.loading.inventory.vars_files import VarsFolders
from runbook_engine.model.inventory import Target
from runbook_engine.model.json import JsonValue

GroupSet = tuple[str, ...]


class HostViews:
    """Gives hosts with the variables of the sources so far, and of the files beside these sources if wanted.

    A group that nothing has put below `all` yet doesn't have the variables of `all`. Edges between groups are looked at
    once, when this is made.

    Args:
        draft: what the sources have said so far.
        files: reads `group_vars` and `host_vars`; None to leave them out.
    """

    def __init__(self, draft: Draft, files: VarsFolders | None = None) -> None:
        self._draft = draft
        self._files = files
        self._parents = parents_of(draft)
        self._depths, self.cycle = group_depths(draft)
        self._orders: dict[GroupSet, GroupSet] = {}
        self._bases: dict[GroupSet, dict[str, JsonValue]] = {}

    def of(self, name: str) -> Target:
        """Give a host with its variables, `inventory_hostname_short` besides."""
        host = self._draft.hosts[name]
        # Groups that came after this was made have no edges and no variables.
        direct = tuple(group for group in host.groups if group in self._parents)
        groups = self._order(direct)
        names = tuple(sorted({*groups, *host.groups} - {ALL}))
        own = {**host.variables, **self._of_files("host_vars", (name,))}
        variables = {**self._base(groups), **own, "inventory_hostname_short": _short(name)}
        return Target.model_construct(name=name, groups=names, variables=variables)

    def _order(self, direct: GroupSet) -> GroupSet:
        """Give the groups and all above them, weakest first."""
        if direct not in self._orders:
            found = with_parents(direct, self._parents)
            groups = self._draft.groups
            order = sorted(found, key=lambda name: (self._depths[name], groups[name].priority, name))
            self._orders[direct] = tuple(order)
        return self._orders[direct]

    def _base(self, groups: GroupSet) -> dict[str, JsonValue]:
        if groups not in self._bases:
            merged: dict[str, JsonValue] = {}
            for name in groups:
                merged.update(self._draft.groups[name].variables)
            merged.update(self._of_files("group_vars", groups))
            self._bases[groups] = merged
        return self._bases[groups]

    def _of_files(self, kind: str, names: Iterable[str]) -> dict[str, JsonValue]:
        merged: dict[str, JsonValue] = {}
        if self._files is not None:
            folders = [path for folder in self._draft.folders if (path := folder / kind).is_dir()]
            for folder in folders:
                for name in names:
                    merged.update(self._files.of(folder, name))
        return merged


def _short(name: str) -> str:
    """Give a name up to its first dot; an address whole."""
    try:
        ip_address(name)
    except ValueError:
        return name.partition(".")[0]
    return name
