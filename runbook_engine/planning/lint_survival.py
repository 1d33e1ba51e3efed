"""Lint of what a runbook needs of the region that it escapes: services, addresses, hosts, secrets, the journal."""

import re
from collections.abc import Iterable, Iterator, Sequence

from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.inventory import LOCALHOST, Inventory
from runbook_engine.model.json import JsonObject
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import OnFailure
from runbook_engine.model.secret_reference import parse_reference, regions_of_reference
from runbook_engine.planning.escape import ESCAPED, PRIMARY, Escape, Leaf, given_inputs
from runbook_engine.planning.flatten import FlatStep, Source
from runbook_engine.planning.region_names import GLOBAL_SERVICES, lives_in, regions_of, services_of
from runbook_engine.ports.action import (
    Action,
    Params,
)
from runbook_engine.ports.catalog import Catalog

_HOST_KEYS = frozenset({"address", "endpoint", "host", "name_servers", "server"})
# Hosts of a group are alike in what this looks for, and a group may have ten thousand of them.
_MOST_TARGETS = 50
_ON_TARGETS = (
    "ansible.",
    "archive.",
    "command.",
    "file.",
    "postgres.restore",
    "script.",
    "service.",
)  # the others work from the machine that runs the engine
_WORDS = re.compile(r"\s")  # a sentence may name a region without needing it
_UNSAID = re.compile(r"//[^/@]*@")
_BEFOREHAND = (
    "use what is in another region beforehand, or give it on_failure: continue where the run can do without it"
)


def escaped_regions(
    source: Source, inventories: Sequence[Inventory], *, inputs: JsonObject | None = None
) -> frozenset[str]:
    """Give every region that a runbook escapes, over the inventories it may be run with.

    Args:
        inputs: of one run; None stands for the defaults (and, of a region without one, for each choice).
    """
    return frozenset(escape.region() for escape in _escapes(source, inventories, inputs)) - {""}


def lint_survival(
    source: Source, catalog: Catalog, inventories: Sequence[Inventory], *, inputs: JsonObject | None = None
) -> Iterator[Diagnostic]:
    """Name each step that can't do its work once the region that the runbook escapes is gone.

    A step with `on_failure: continue` is left out: the run does without it.

    Args:
        inputs: of one run; None stands for the defaults (and, of a region without one, for each choice).
    """
    found: dict[tuple[str, Location], Diagnostic] = {}
    for escape in _escapes(source, inventories, inputs):
        region = escape.region()
        if not region:
            continue
        for step in escape.flat.steps:
            if step.step.on_failure is OnFailure.CONTINUE or step.step.action is None:
                continue
            action = catalog.get(step.step.action.name)
            if action is not None:
                for one in _step(escape, step, action, region):
                    found.setdefault((one.rule, one.location), one)
    yield from found.values()


def lint_journal(address: str, regions: Iterable[str], place: Location) -> Iterator[Diagnostic]:
    """Say it when the journal's database is in a region that a runbook escapes."""
    for region in sorted(regions_of(address) & frozenset(regions)):
        text = f"the journal's database is in {region}, the region that a runbook escapes: no run could begin"
        yield diagnostic("RB234", place, text, "keep it in another region, or in a file beside the engine")


def _escapes(source: Source, inventories: Sequence[Inventory], given: JsonObject | None) -> Iterator[Escape]:
    runbook = source.runbook
    if runbook is None:
        return
    for inventory in inventories or (None,):
        if _names_region(runbook.inputs, runbook.vars, inventory):
            for inputs in given_inputs(runbook.inputs) if given is None else (given,):
                yield Escape(source, inventory, inputs)


def _names_region(inputs: Iterable[str], variables: JsonObject, inventory: Inventory | None) -> bool:
    known = inventory.target(LOCALHOST).variables if inventory is not None else {}
    names = {*inputs, *variables, *known}
    return ESCAPED in names or PRIMARY in names


def _step(escape: Escape, step: FlatStep, action: Action[Params], region: str) -> Iterator[Diagnostic]:
    services = services_of((*action.aws_reads, *action.aws_writes))
    yield from _control_plane(step, services, region)
    if services - GLOBAL_SERVICES:
        yield from _default_regions(step, action, region)
    targets = escape.targets(step.step.targets)[:_MOST_TARGETS]
    if action.name.startswith(_ON_TARGETS):
        yield from _hosts(escape, step, targets, region)
    for target in targets:
        leaves = list(escape.leaves(step, target))
        spared = _spared(action, leaves, region)
        for leaf in (leaf for leaf in leaves if leaf.path[0] not in spared):
            yield from _leaf(step, leaf, region, is_regional=bool(services - GLOBAL_SERVICES))


def _spared(action: Action[Params], leaves: Sequence[Leaf], region: str) -> frozenset[object]:
    """Name the parameters whose addresses are of other regions, too, where any one of them will do."""
    return frozenset(
        leaf.path[0]
        for leaf in leaves
        if leaf.path[0] in action.alternatives and region not in regions_of(leaf.text, is_host=True)
    )


def _control_plane(step: FlatStep, services: frozenset[str], region: str) -> Iterator[Diagnostic]:
    there = sorted(service for service in services if lives_in(service, region))
    if there:
        text = f"{step.step.id} needs the control plane of {', '.join(there)} in {region}, the region that is escaped"
        hint = "prepare it so that nothing has to be changed on the day, or accept it: # runbook: ignore RB231 REASON"
        yield diagnostic("RB231", step.place("action"), text, hint)


def _default_regions(step: FlatStep, action: Action[Params], region: str) -> Iterator[Diagnostic]:
    given = step.step.action.params if step.step.action is not None else {}
    for name, field in action.Params.model_fields.items():
        if name.endswith("region") and name not in given and field.default == region:
            text = f"{step.step.id} needs {region}, the region that is escaped: it is the default of {name}"
            yield diagnostic("RB230", step.place("action"), text, _BEFOREHAND)


def _hosts(escape: Escape, step: FlatStep, targets: Sequence[str], region: str) -> Iterator[Diagnostic]:
    there = [name for name in targets if region in escape.regions_of_host(name)]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        text = f"{step.step.id} runs on {there[0]}{more}, in {region}, the region that is escaped"
        yield diagnostic("RB230", step.place("targets"), text, _BEFOREHAND)


def _only_in(reference: str, region: str) -> bool:
    """Whether a secret is looked for in the region and in no other."""
    try:
        said = regions_of_reference(parse_reference(reference))
    except InvalidInputError:
        said = ()  # another rule tells of it
    return set(said) == {region} if said else region in regions_of(reference.partition(":")[2], is_host=True)


def _leaf(step: FlatStep, leaf: Leaf, region: str, *, is_regional: bool) -> Iterator[Diagnostic]:
    """Say it when one text of the parameters leads to the region."""
    name, place = step.step.id, step.place("params", *leaf.path)
    for reference in leaf.secrets:
        if _only_in(reference, region):
            text = f"{name} reads a secret that is kept in {region}, the region that is escaped: {reference}"
            yield diagnostic("RB232", place, text, "replicate it, and read the replica")
    if is_regional and str(leaf.path[0]).endswith("region") and leaf.text == region:
        parameter = str(leaf.path[0])
        if parameter == "source_region":
            text = f"{name} copies from {region}, the region that is escaped: what exists only there is lost with it"
            hint = "copy or replicate beforehand, and let this runbook use the copies that are there"
        else:
            text, hint = f"{name} needs {region}, the region that is escaped: {parameter} is {region}", _BEFOREHAND
        yield diagnostic("RB230", place, text, hint)
    elif not _WORDS.search(leaf.text) and region in regions_of(leaf.text, is_host=leaf.key in _HOST_KEYS):
        is_message = step.step.action is not None and step.step.action.name.startswith("notify.")
        shown = _UNSAID.sub("//…@", leaf.text)
        if is_message:
            text = f"{name} sends its message through {shown}, in {region}, the region that is escaped"
            yield diagnostic("RB233", place, text, "send it through another region: the message is about this one")
        else:
            text = f"{name} needs {shown}, in {region}, the region that is escaped"
            yield diagnostic("RB230", place, text, _BEFOREHAND)
