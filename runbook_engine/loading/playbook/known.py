"""The variables that a task knows besides its own: its play's, and those of roles, each at its place in the order."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from runbook_engine.expressions.references import names_used
from runbook_engine.expressions.scope import RESERVED
from runbook_engine.loading.nesting import plain
from runbook_engine.loading.playbook.parts import Playbook, RoleUse, Task
from runbook_engine.loading.playbook.refusals import bare_texts
from runbook_engine.loading.playbook.remarks import CannotConvertError
from runbook_engine.model.json import JsonValue

_ONLY_ANSIBLES = frozenset(
    {"role_path", "role_name", "role_names", "ansible_role_name", "ansible_parent_role_names", "playbook_dir"}
    | {"ansible_parent_role_paths", "ansible_play_name", "ansible_play_hosts", "ansible_play_batch", "omit"}
    | {"ansible_play_role_names", "ansible_role_names", "ansible_managed", "ansible_check_mode", "play_hosts"}
)
_OTHER = "default_of_"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known around a task.

    Attributes:
        play: its play's variables: stronger than an inventory's.
        defaults: of roles: what a variable is when the inventory says nothing else.
        variables: of roles: stronger than the play's.
        unsure: names to which roles of the play give different values.
    """

    play: Mapping[str, object] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, object] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()

    @property
    def certain(self) -> Mapping[str, object]:
        """What no inventory can change."""
        return {**self.play, **self.variables}

    def given_to(self, step: dict[str, JsonValue], task: Task, template: str = "") -> dict[str, JsonValue]:
        """Give a step with those variables of roles that it names, and those that overrule all others.

        Args:
            template: the text of a template that the step fills in.

        Raises:
            CannotConvertError: a name would be another thing here.
        """
        own = cast("dict[str, JsonValue]", step.get("vars") or {})
        params = {name: cast("JsonValue", plain(value)) for name, value in task.around.params.items()}
        scope: Mapping[str, object] = {**self.defaults, **self.play, **self.variables, **own, **params}
        used = _closed(_names(step, template), scope)
        if task.role is not None and (strange := sorted(used & _ONLY_ANSIBLES)):
            raise CannotConvertError(f"only Ansible knows {strange[0]}")
        if unsure := sorted((used & self.unsure) - own.keys() - params.keys()):
            raise CannotConvertError(f"several roles say what {unsure[0]} is, each another thing")
        stronger = self.play.keys() | self.variables.keys() | own.keys() | params.keys()
        defaults = {name: self.defaults[name] for name in sorted((used & self.defaults.keys()) - stronger)}
        certain = {name: self.variables[name] for name in sorted((used & self.variables.keys()) - own.keys())}
        if reserved := sorted((defaults.keys() | certain.keys() | params.keys()) & used & RESERVED):
            raise CannotConvertError(f"{reserved[0]} is another thing in a runbook")
        if defaults:
            _refuse_elsewhere(step, task, scope, defaults)
        found = {**_low(defaults), **{name: cast("JsonValue", plain(value)) for name, value in certain.items()}, **own}
        found |= {name: value for name, value in params.items() if name in used or name in found}
        return {**step, "vars": found} if found else step


def known_of(playbook: Playbook, task: Task) -> Known:
    """Give what is known around a task of a playbook: all of a play know the variables of its roles."""
    public = [use for use in playbook.roles if use.play == task.play and use.public]
    own = task.role
    defaults, unsure_defaults = _merged(public, own, "defaults")
    variables, unsure = _merged(public, own, "variables")
    return Known(playbook.variables[task.play], defaults, variables, unsure | unsure_defaults)


def _merged(public: Iterable[RoleUse], own: RoleUse | None, kind: str) -> tuple[dict[str, object], frozenset[str]]:
    found: dict[str, object] = {}
    unsure = set[str]()
    for use in public:
        for name, value in cast("Mapping[str, object]", getattr(use, kind)).items():
            if name in found and found[name] != value:
                unsure.add(name)
            found[name] = value
    certain = cast("Mapping[str, object]", getattr(own, kind)) if own is not None else {}
    return {**found, **certain}, frozenset(unsure - certain.keys())


def _names(step: Mapping[str, JsonValue], template: str) -> set[str]:
    found = set(names_used({word: value for word, value in step.items() if word != "vars"}))
    for text in bare_texts(step):
        found |= names_used(text, bare=True)
    return found | names_used(template)


def _closed(names: set[str], scope: Mapping[str, object]) -> set[str]:
    """Give names, and those that their values name."""
    found, pending = set[str](), set(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            if name in scope:
                pending |= names_used(cast("JsonValue", plain(scope[name])))
    return found


def _refuse_elsewhere(
    step: Mapping[str, JsonValue], task: Task, scope: Mapping[str, object], defaults: Mapping[str, object]
) -> None:
    """Refuse what would look for a host's own value where no host, or another one, is known."""
    name = next(iter(defaults))
    if task.words.get("delegate_to") is not None or task.around.words.get("delegate_to") is not None:
        raise CannotConvertError(f"it is delegated, and {name} may be another thing on each host")
    if isinstance(loop := step.get("loop"), str):
        repeated = _closed(set(names_used(loop, bare=True)), scope)
    else:
        repeated = _closed(set(names_used(loop)), scope)
    if found := sorted(repeated & defaults.keys()):
        raise CannotConvertError(f"it repeats over {found[0]}, which may be another thing on each host")


def _low(defaults: Mapping[str, object]) -> dict[str, JsonValue]:
    """Give defaults as variables of a step that ask the inventory first."""
    found: dict[str, JsonValue] = {}
    for name, value in defaults.items():
        there = f"hostvars[inventory_hostname].{name}"
        if isinstance(value, dict | list) or (isinstance(value, str) and "{" in value):
            # Not by `default()`, which would fill the other in although nobody wants it.
            found[f"{_OTHER}{name}"] = cast("JsonValue", plain(value))
            found[name] = f"{{{{ {there} if {there} is defined else {_OTHER}{name} }}}}"
        else:
            words = "none" if value is None else json.dumps(value, ensure_ascii=False)
            found[name] = f"{{{{ {there} | default({words}) }}}}"
    return found
