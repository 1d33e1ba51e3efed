"""A whole playbook becomes a runbook: its tasks one after the other, as Ansible runs them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import cast

from runbook_engine.loading.nesting import plain
from runbook_engine.loading.playbook.by_ansible import Ansible
from runbook_engine.loading.playbook.known import known_of
from runbook_engine.loading.playbook.parts import Playbook, RoleUse, Task, as_words
from runbook_engine.loading.playbook.remarks import CannotConvertError, Remark
from runbook_engine.loading.playbook.role_plays import RolePlay, role_play
from runbook_engine.loading.playbook.roles import names_left
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
        plays: files that the steps need in the playbook's folder: texts by name.
    """

    runbook: Draft
    steps: list[Draft]
    remarks: list[Remark] = field(default_factory=list)
    plays: Mapping[str, str] = field(default_factory=dict)

    @property
    def by_hand(self) -> int:
        """How many parts a person has to do, or to write anew."""
        return sum(remark.by_hand for remark in self.remarks)


def convert_playbook(playbook: Playbook, name: str, ansible: Ansible | None = None) -> Conversion:
    """Turn a playbook into a runbook of this name: each step needs the one before it, whatever its hosts are.

    A task that nothing here does is left to Ansible, where that does the same, and becomes a `manual.task` at its place
    otherwise, so that a run waits there for a person. A role of which a person would have to do a part is left to
    Ansible as a whole.

    Args:
        ansible: how Ansible is asked; None asks nothing of it.
    """
    made = _Maker(playbook, name, ansible)
    for number, tasks in groupby(playbook.tasks, key=lambda task: task.role and task.role.number):
        if number is None:
            made.add(tasks)
        else:
            made.add_role(playbook.roles[number], list(tasks))
    runbook: Draft = {"runbook": name, "title": playbook.name or name, "description": "From an Ansible playbook."}
    if made.variables:
        runbook["vars"] = made.variables
    remarks = sorted([*playbook.remarks, *made.remarks], key=lambda one: (one.file, one.line))
    return Conversion({**runbook, "steps": list(made.steps)}, made.steps, remarks, made.plays)


@dataclass(frozen=True, slots=True)
class _Kept:
    """How far a maker was."""

    registered: Registered
    taken: set[str]
    steps: list[Draft]
    remarks: list[Remark]
    told_of_ansible: bool


class _Maker:
    """Makes steps of tasks, one after the other.

    Attributes:
        variables: of the runbook.
        plays: files that steps need beside the playbook, by their names.
    """

    def __init__(self, playbook: Playbook, name: str, ansible: Ansible | None) -> None:
        self._playbook = playbook
        self._name = name
        self._ansible = ansible
        self._registered = Registered()
        self._taken = set[str]()
        self._told_of_ansible = False
        self.variables, self._own = _variables(playbook.variables)
        self.steps: list[Draft] = []
        self.remarks: list[Remark] = []
        self.plays: dict[str, str] = {}

    def add(self, tasks: Iterable[Task]) -> bool:
        """Add the steps of tasks; tells whether a person has to do any of them."""
        by_hand = False
        for task in tasks:
            by_hand = self._add(task) or by_hand
        return by_hand

    def add_role(self, use: RoleUse, tasks: Sequence[Task]) -> None:
        """Add the steps of a role's tasks; or one that has Ansible run the role, where these would leave a part out."""
        before = self._kept()
        parted = self.add(tasks) or bool(use.remarks) or any("notify" in task.words for task in tasks)
        if parted and self._ansible is not None:
            tried = self._kept()
            self._go_back(before)
            known = {*self._registered.steps, *self._registered.lost}
            try:
                play = role_play(use, tasks[0], self._playbook, self._name, self._ansible, known)
            except CannotConvertError as error:
                self._go_back(tried)
                text = f"Ansible can't be asked for the whole role: {error}"
                self.remarks.append(Remark(use.file, use.line, use.name, text))
            else:
                self._add_play(use, play)
                return
        self.remarks += use.remarks
        if use.refusal:
            self._registered.lost |= use.lost

    def _add_play(self, use: RoleUse, play: RolePlay) -> None:
        identity = _identity(use.name, self._taken)
        self.steps.append({"id": identity, **self._needs(), **play.step})
        self.plays[play.file] = play.text
        why = use.refusal or "a part of it is nothing that an action does"
        told = (f"Ansible runs it ({why}), by a play of its own: {play.file}", *play.notes)
        self.remarks += [Remark(use.file, use.line, use.name, note) for note in told]
        self._tell_of_ansible("ansible.playbook", Remark(use.file, use.line, use.name, ""))
        self._registered.lost |= use.lost
        for name in use.lost:
            self._registered.steps.pop(name, None)

    def _add(self, task: Task) -> bool:
        """Add a task's step; tells whether a person has to do it."""
        if "never" in (*task.around.tags, *as_words(task.words.get("tags"))):
            text = "left out: it is tagged `never`, and Ansible runs it only when asked by tags"
            self.remarks.append(_remark(task, text))
            return False
        known, folders = known_of(self._playbook, task), (self._playbook.folder, self._playbook.root)
        made = make_step(task, self._registered, self._ansible, known, folders)
        if made is None:
            self.remarks.append(_remark(task, "left out: it changes nothing"))
            return False
        identity = _identity(made.label, self._taken)
        own = self._own[task.play]
        if own and not made.by_hand:
            made.step["vars"] = {**own, **_mapping(made.step.get("vars"))}
        self.steps.append({"id": identity, **self._needs(), **made.step})
        self.remarks += [_remark(task, note, step=identity) for note in made.notes]
        if made.by_hand:
            self.remarks.append(_remark(task, f"a person does it: {made.by_hand}", step=identity, by_hand=True))
        if holds_vault(made.step):
            text = "a value that ansible-vault encrypted: keep it as a secret, and name that"
            self.remarks.append(_remark(task, text))
        if made.by_ansible:
            self._tell_of_ansible("ansible.module", _remark(task, "", step=identity))
        if isinstance(register := task.words.get("register"), str):
            _keep(register, identity, made, self._registered)
        if made.by_hand:
            self._registered.lost |= set(names_left([task.words]))
        return bool(made.by_hand)

    def _needs(self) -> Draft:
        return {"needs": waits_for(self.steps)} if self.steps else {}

    def _tell_of_ansible(self, action: str, at: Remark) -> None:
        if not self._told_of_ansible:
            self.remarks.append(replace(at, text=_told_of(action, self._ansible or Ansible())))
        self._told_of_ansible = True

    def _kept(self) -> _Kept:
        registered = self._registered
        copied = Registered(dict(registered.steps), dict(registered.actions), set(registered.lost))
        return _Kept(copied, set(self._taken), [*self.steps], [*self.remarks], told_of_ansible=self._told_of_ansible)

    def _go_back(self, kept: _Kept) -> None:
        self._registered, self._taken = kept.registered, kept.taken
        self.steps, self.remarks = kept.steps, kept.remarks
        self._told_of_ansible = kept.told_of_ansible


def _keep(name: str, identity: str, made: MadeStep, registered: Registered) -> None:
    """Remember where the result of a name is now: in a step's outputs for each host, or nowhere."""
    if made.by_hand or made.by_ansible:
        registered.lost.add(name)
        registered.steps.pop(name, None)
        return
    registered.lost.discard(name)
    registered.steps[name] = identity
    registered.actions[name] = next(word for word in made.step if "." in word)


def _told_of(action: str, ansible: Ansible) -> str:
    """Say what has to be known of a runbook that leaves something to Ansible."""
    known = f"`inventory` ({', '.join(ansible.inventory)})" if ansible.inventory else "its own configuration"
    return (
        f"{action} needs an Ansible where the engine runs (or `executable`), and takes its hosts from "
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
