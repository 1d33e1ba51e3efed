"""Measures located data and turns it into plain JSON values."""

from runbook_engine.model.located import LocatedDict, LocatedList


def height(value: object) -> int:
    """Count how deep lists and mappings are nested, level by level, so that no depth can exhaust the stack."""
    levels, level = 0, [value]
    while level := [node for node in level if isinstance(node, LocatedDict | LocatedList)]:
        levels += 1
        level = [child for node in level for child in (node.values() if isinstance(node, LocatedDict) else node)]
    return levels


def plain(value: object) -> object:
    """Copy located data into dicts and lists without marks; the reader's depth limit bounds the recursion."""
    # Most values are neither, and a call each is what would take the time.
    if isinstance(value, dict):
        return {key: plain(child) if isinstance(child, dict | list) else child for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) if isinstance(child, dict | list) else child for child in value]
    return value
