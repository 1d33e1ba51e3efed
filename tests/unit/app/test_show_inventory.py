"""What `runbook inventory` shows."""

import pytest

from runbook_engine.app.show_inventory import draw_groups
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.inventory import Group, Inventory


def test_groups_that_share_their_children_do_not_draw_a_graph_without_end():
    levels = [(f"a{level}", f"b{level}") for level in range(60)]
    groups = {"all": Group(name="all", children=levels[0])}
    for here, below in zip(levels, [*levels[1:], ()], strict=True):
        groups |= {name: Group(name=name, children=below) for name in here}
    lines = draw_groups(Inventory(name="x", targets={}, groups=groups), "all", variables=False, most=100)
    drawn = [next(lines) for _ in range(100)]
    assert drawn[:3] == ["@all:", "  |--@a0:", "  |  |--@a1:"]
    with pytest.raises(InvalidInputError, match="more than 100 lines"):
        next(lines)
