"""The plan: the resolved DAG of a runbook for given inputs and inventory."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from runbook_engine.model.base import Frozen
from runbook_engine.model.inventory import Inventory, Target
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.runbook import ActionCall, Need, Runbook, Step


@dataclass(frozen=True, slots=True)
class Task:
    """One step on one target (and for one item of its loop).

    Attributes:
        id: `restore-db@db1`, with a loop `deploy[0]@web1`; unique in the plan.
        step: index of its step in the plan.
        number: index of the task among its step's tasks.
        item: index of the loop's item, -1 without a loop.
    """

    id: str
    step: int
    number: int
    target: str
    item: int = -1


class PlannedStep(Frozen):
    """A step with its targets, items and edges resolved.

    Attributes:
        step: the step as written, its id prefixed when it was imported.
        needs: every edge, those implied by references included, sorted by step id.
        targets: names of the targets, in inventory order.
        items: the loop's items, None without a loop.
        batches: sizes of the batches of tasks, in order; they add up to the number of tasks.
        max_failures: number of tasks that may fail before the step fails.
        scope: inputs and vars of the runbook that the step came from (imports have their own).
        digest: SHA-256 over everything of the step that matters for its meaning.
        undoes: the step takes back, by its action's own `revert`, what the same step did in an earlier run.
    """

    step: Step
    needs: tuple[Need, ...]
    targets: tuple[str, ...]
    items: tuple[JsonValue, ...] | None = None
    batches: tuple[int, ...]
    max_failures: int = 0
    scope: int = 0
    digest: str = ""
    undoes: bool = False

    @property
    def id(self) -> str:
        """The step's id in the plan."""
        return self.step.id


Channel = tuple[str, int]
"""An action that sends messages, and the how manieth of that name it is in one message, from 0."""


class PlannedCommunication(Frozen):
    """Messages owed to an audience, in the plan's words.

    Attributes:
        name: the audience, with the prefix of the import that it came from; unique in the plan.
        every: the greatest silence allowed, in seconds.
        begins, until: ids of the steps whose good ends begin and end it.
        scope: inputs and vars of the runbook that it came from.
    """

    name: str
    audience: str
    every: float
    begins: str
    until: str
    scope: int = 0
    first: tuple[ActionCall, ...] = ()
    update: tuple[ActionCall, ...] = ()
    resolved: tuple[ActionCall, ...] = ()

    def calls(self, what: str) -> tuple[ActionCall, ...]:
        """Give the ways in which a message is sent; the first one is an update where nothing else is said of it."""
        return self.resolved if what == "resolved" else (self.first if what == "first" else ()) or self.update

    def channels(self, what: str) -> tuple[Channel, ...]:
        """Give the channel of each way in which a message is sent; a channel has one message on its way at a time."""
        names = [call.name for call in self.calls(what)]
        return tuple((name, names[:number].count(name)) for number, name in enumerate(names))

    @property
    def places(self) -> int:
        """How many messages can be on their way at once: one in each channel."""
        return len({channel for what in ("first", "update", "resolved") for channel in self.channels(what)})


class ScopeValues(Frozen):
    """The inputs and vars that templates of one runbook file see; vars may be templates themselves.

    Attributes:
        prefix: what stands before the file's own step ids in the plan: empty, or `db/` for an import of id `db`.
    """

    prefix: str = ""
    inputs: JsonObject = {}
    vars: JsonObject = {}


class Plan(Frozen):
    """What will be done, where, in which order.

    Attributes:
        steps: in an order that respects every edge; the same for the same input.
        scopes: values for templates, by `PlannedStep.scope`; 0 is the runbook's own.
        critical_path: ids of the steps of the longest chain, weighted by timeouts only when nothing better is known.
        fingerprint: SHA-256 over runbook, imports, inventory as far as it is used, and inputs.
    """

    runbook: Runbook
    inventory: Inventory
    steps: tuple[PlannedStep, ...]
    scopes: tuple[ScopeValues, ...]
    critical_path: tuple[str, ...] = ()
    fingerprint: str = ""
    communications: tuple[PlannedCommunication, ...] = ()

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """Every task, step by step."""
        return tuple(self._make_tasks())

    @cached_property
    def first_task(self) -> tuple[int, ...]:
        """Index in `tasks` of each step's first task."""
        offsets, offset = [], 0
        for planned in self.steps:
            offsets.append(offset)
            offset += sum(planned.batches)
        return tuple(offsets)

    @cached_property
    def step_index(self) -> dict[str, int]:
        """Index of each step by its id."""
        return {planned.id: index for index, planned in enumerate(self.steps)}

    @cached_property
    def task_index(self) -> dict[str, int]:
        """Index of each task by its id."""
        return {task.id: index for index, task in enumerate(self.tasks)}

    def tasks_of(self, step: int) -> tuple[Task, ...]:
        """Give the tasks of a step by the step's index."""
        first = self.first_task[step]
        return self.tasks[first : first + sum(self.steps[step].batches)]

    def target(self, name: str) -> Target:
        """Give a target of the inventory; `localhost` always exists."""
        return self.inventory.target(name)

    def _make_tasks(self) -> Iterator[Task]:
        """Lay the tasks out: target by target, within a target item by item, so that a batch is whole targets."""
        for index, planned in enumerate(self.steps):
            number = 0
            for target in planned.targets:
                if planned.items is None:
                    yield Task(f"{planned.id}@{target}", index, number, target)
                    number += 1
                    continue
                for item in range(len(planned.items)):
                    yield Task(f"{planned.id}[{item}]@{target}", index, number, target, item)
                    number += 1
