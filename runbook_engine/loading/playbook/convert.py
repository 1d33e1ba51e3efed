"""A whole playbook becomes a runbook: its tasks one after the other, as Ansible runs them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from runbook_engine.loading.nesting import plain
from runbook_engine.loading.playbook.by_ansible import Ansible
from runbook_engine.loading.playbook.remarks import Remark
from runbook_engine.loading.playbook.source import Playbook, Task, as_words
from runbook_engine.loading.playbook.steps import Draft, MadeStep, Registered, holds_vault, make_step
from runbook_engine.model.json import JsonValue

_NO_ID = re.compile(r"[^a-z0-9]+")
_LONGEST_ID = 48


@dataclass(slots=True)
class Conversion:
    """A runbook and what has to be known of it.

    Attributes:
        runbook: as its file says it, `steps` and all.
        remarks: in the order of the playbook.
    """

    runbook: Draft
    steps: list[Draft]
    remarks: list[Remark] = field(default_factory=list)

    @property
    def by_hand(self) -> int:
        """How many parts a person has to do, or to write anew."""
        return sum(remark.by_hand for remark in self.remarks)


def convert_playbook(playbook: Playbook, name: str, ansible: Ansible | None = None) -> Conversion:
    """Turn a playbook into a runbook of this name: each step needs the one before it, whatever its hosts are.

    A task that nothing here does is left to Ansible, where that does the same, and becomes a `manual.task` at its place
    otherwise, so that a run waits there for a person.

    Args:
        ansible: how Ansible is asked; None asks nothing of it.
    """
    remarks = list(playbook.remarks)
    registered, taken = Registered(), set[str]()
    variables, own = _variables(playbook.variables)
    steps: list[Draft] = []
    by_ansible = False
    for task in playbook.tasks:
        if "never" in (*task.around.tags, *as_words(task.words.get("tags"))):
            remarks.append(_remark(task, "left out: it is tagged `never`, and Ansible runs it only when asked by tags"))
            continue
        made = make_step(task, registered, ansible, playbook.variables[task.play])
        if made is None:
            remarks.append(_remark(task, "left out: it changes nothing"))
            continue
        identity = _identity(made.label, taken)
        needs: Draft = {"needs": waits_for(steps)} if steps else {}
        if own[task.play] and not made.by_hand:
            made.step["vars"] = {**own[task.play], **_mapping(made.step.get("vars"))}
        steps.append({"id": identity, **needs, **made.step})
        remarks += [_remark(task, note, step=identity) for note in made.notes]
        if made.by_hand:
            remarks.append(_remark(task, f"a person does it: {made.by_hand}", step=identity, by_hand=True))
        if holds_vault(made.step):
            remarks.append(_remark(task, "a value that ansible-vault encrypted: keep it as a secret, and name that"))
        if made.by_ansible and not by_ansible:
            remarks.append(_remark(task, _told_of(ansible or Ansible()), step=identity))
        by_ansible = by_ansible or made.by_ansible
        if isinstance(register := task.words.get("register"), str):
            _keep(register, identity, made, registered)
    title = playbook.name or name
    runbook: Draft = {"runbook": name, "title": title, "description": "From an Ansible playbook."}
    if variables:
        runbook["vars"] = variables
    return Conversion({**runbook, "steps": list(steps)}, steps, sorted(remarks, key=lambda one: (one.file, one.line)))


def _keep(name: str, identity: str, made: MadeStep, registered: Registered) -> None:
    """Remember where the result of a name is now: in a step's outputs for each host, or nowhere."""
    if made.by_hand or made.by_ansible:
        registered.lost.add(name)
        registered.steps.pop(name, None)
        return
    registered.lost.discard(name)
    registered.steps[name] = identity
    registered.actions[name] = next(word for word in made.step if "." in word)


def _told_of(ansible: Ansible) -> str:
    """Say what has to be known of a runbook that leaves something to Ansible."""
    known = f"`inventory` ({', '.join(ansible.inventory)})" if ansible.inventory else "its own configuration"
    return (
        "ansible.module needs an Ansible where the engine runs (or `executable`), and takes its hosts from "
        f"{known}: `-i` and `--limit` of a run choose no others, nor does a drill"
    )


def waits_for(steps: Sequence[Draft]) -> list[JsonValue]:
    """Give what the next step needs: the last one, and where that runs in any case, the last one that does not.

    Otherwise what follows a block with `always` would be done although the block failed.
    """
    last = [str(steps[-1]["id"])]
    if steps[-1].get("always"):
        last = [str(step["id"]) for step in reversed(steps) if not step.get("always")][:1] + last
    return [*last]


def _variables(plays: Sequence[Mapping[str, object]]) -> tuple[Draft, list[Draft]]:
    """Give the vars that all plays agree on, for the runbook, and those that they don't, by play, for its steps."""
    values: dict[str, list[JsonValue]] = {}
    for play in plays:
        for name, value in play.items():
            values.setdefault(name, []).append(cast("JsonValue", plain(value)))
    shared = {name for name, found in values.items() if all(value == found[0] for value in found)}
    own = [
        {name: cast("JsonValue", plain(value)) for name, value in play.items() if name not in shared} for play in plays
    ]
    return {name: values[name][0] for name in values if name in shared}, own


def _identity(name: str, taken: set[str]) -> str:
    """Make an id of a name: small letters, digits, hyphens; a number behind it when it is taken."""
    base = _NO_ID.sub("-", name.lower()).strip("-")[:_LONGEST_ID].strip("-") or "step"
    base = base if base[0].isalpha() else f"step-{base}"
    found, number = base, 1
    while found in taken:
        number += 1
        found = f"{base}-{number}"
    taken.add(found)
    return found


def _remark(task: Task, text: str, *, step: str = "", by_hand: bool = False) -> Remark:
    return Remark(task.file, task.line, task.name or step or "task", text, by_hand)


def _mapping(value: JsonValue) -> Draft:
    return dict(value) if isinstance(value, dict) else {}
