"""What templates see of the steps that came before: outputs, targets, outcome, or that they are not known yet."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from runbook_engine.expressions.errors import KnownAfterApplyError, TemplateError
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.quoting import did_you_mean


class StepView(Protocol):
    """One step as later steps see it.

    Attributes:
        known: whether the outputs are all there; false for a step that a dry run did not apply.
        outputs: of its only target; for a step on several targets, empty.
        targets: outputs by target.
        outcome: how it ended (`changed`), None while it has not.
    """

    @property
    def known(self) -> bool: ...  # noqa: D102 - see the class

    @property
    def outputs(self) -> JsonObject: ...  # noqa: D102

    @property
    def targets(self) -> Mapping[str, JsonObject]: ...  # noqa: D102

    @property
    def outcome(self) -> str | None: ...  # noqa: D102


class StepsView(Protocol):
    """All steps of a run as templates see them."""

    def step(self, step_id: str) -> StepView | None:
        """Give a step, None when the runbook has none of that id."""
        ...

    def ids(self) -> Iterable[str]:
        """Name the steps, for suggestions."""
        ...


class StepsMapping(Mapping[str, "OutputsMapping"]):
    """The name `steps` of a template: `steps['id']` or `steps.id`."""

    __slots__ = ("_view",)

    def __init__(self, view: StepsView) -> None:
        self._view = view

    def __getitem__(self, key: str) -> "OutputsMapping":
        step = self._view.step(key)
        if step is None:
            raise TemplateError(
                f"there is no step {key!r}",
                hint=did_you_mean(str(key), self._view.ids()) or "steps are named by their id: steps['id'].output",
            )
        return OutputsMapping(f"steps[{key!r}]", step, step.outputs)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._view.ids()))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class OutputsMapping(Mapping[str, object]):
    """`steps['id']`: the step's outputs, besides `outcome` and `targets`; also one target's outputs below `targets`."""

    __slots__ = ("_outputs", "_step", "_target", "reference")

    def __init__(self, reference: str, step: StepView, outputs: JsonObject, *, target: bool = False) -> None:
        self.reference = reference
        self._step = step
        self._outputs = outputs
        self._target = target

    def __getitem__(self, key: str) -> object:
        if key in self._outputs:
            return self._outputs[key]
        if not self._target:
            if key == "targets":
                return TargetsMapping(self.reference, self._step)
            if key == "outcome" and self._step.outcome is not None:
                return self._step.outcome
        if not self._step.known:
            raise KnownAfterApplyError(f"{self.reference}.{key}")
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        if not self._step.known:
            raise KnownAfterApplyError(self.reference)
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)

    def explain(self, key: str) -> tuple[str, str]:
        """Say what is wrong with an output that is not there: a message and a hint."""
        if not self._target and len(self._step.targets) > 1:
            names = list(self._step.targets)
            return (
                f"{self.reference} ran on {len(names)} targets, so {key!r} has one value for each",
                f"write {self.reference}.targets[{names[0]!r}].{key}",
            )
        there = ", ".join(sorted(self._outputs)) or "none"
        return f"{self.reference} has no output {key!r}; it has: {there}", did_you_mean(key, self._outputs)


class TargetsMapping(Mapping[str, OutputsMapping]):
    """`steps['id'].targets`: outputs by target."""

    __slots__ = ("_step", "reference")

    def __init__(self, reference: str, step: StepView) -> None:
        self.reference = f"{reference}.targets"
        self._step = step

    def __getitem__(self, key: str) -> OutputsMapping:
        reference = f"{self.reference}[{key!r}]"
        if key in self._step.targets:
            return OutputsMapping(reference, self._step, self._step.targets[key], target=True)
        if not self._step.known:
            return OutputsMapping(reference, self._step, {}, target=True)
        there = ", ".join(self._step.targets) or "none"
        raise TemplateError(
            f"{self.reference} has no target {key!r}; it has: {there}", hint=did_you_mean(str(key), self._step.targets)
        )

    def __iter__(self) -> Iterator[str]:
        if not self._step.known:
            raise KnownAfterApplyError(self.reference)
        return iter(self._step.targets)

    def __len__(self) -> int:
        return len(self._step.targets)


def as_plain(value: object) -> JsonValue | object:
    """Turn the lazy mappings into plain data; anything else is given back."""
    if isinstance(value, Mapping) and not isinstance(value, dict):
        return {key: as_plain(item) for key, item in value.items()}
    return value
