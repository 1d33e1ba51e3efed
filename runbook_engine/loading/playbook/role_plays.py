"""A role that can't be taken over task by task is run by Ansible: a play of this role alone, beside the playbook."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook_engine.loading.folder import real_path
from runbook_engine.loading.playbook.by_ansible import Ansible
from runbook_engine.loading.playbook.modules import Draft
from runbook_engine.loading.playbook.parts import Playbook, RoleUse, Task
from runbook_engine.loading.playbook.remarks import CannotConvertError
from runbook_engine.loading.playbook.roles import NOT_FOUND, words_of
from runbook_engine.loading.yaml_write import write_yaml
from runbook_engine.model.json import JsonValue

_NO_NAME = re.compile(r"[^a-z0-9]+")
_HEAD = """# {role} of the playbook {file} alone: a step of the runbook {name} has Ansible run it.
"""
_HANDLERS = "handlers that it notifies run at the end of this step, and not of the play's tasks"
_BEFORE = "it knows nothing of what earlier steps left behind"


@dataclass(frozen=True, slots=True)
class RolePlay:
    """A play of one role.

    Attributes:
        file: its name, in the playbook's folder.
        text: what stands in it.
        step: the step that runs it, without `id` and `needs`.
        notes: what is to be known of it.
    """

    file: str
    text: str
    step: Draft
    notes: tuple[str, ...]


def role_play(
    use: RoleUse, task: Task, playbook: Playbook, name: str, ansible: Ansible, known: Iterable[str]
) -> RolePlay:
    """Give the play that does what a role does in its place, and the step that runs it.

    Args:
        task: one of the role's, for the tags.
        name: the runbook's.
        known: names that earlier tasks registered or set, which a play of its own does not know.

    Raises:
        CannotConvertError: it would not do the same.
    """
    play = playbook.plays[use.play]
    if not ansible.writes:
        raise CannotConvertError("no play is written for it (`--stdout`)")
    if use.entry is None or play is None:
        raise CannotConvertError("it stands in a block or a file of tasks, of which a play of its own knows nothing")
    if use.refusal == NOT_FOUND:
        raise CannotConvertError(NOT_FOUND)
    if playbook.tagged:
        raise CannotConvertError("the playbook has values with `!vault` or `!unsafe`, which are not written anew")
    if "vars_prompt" in play:
        raise CannotConvertError("its play asks a person for values (vars_prompt)")
    words = set(re.findall(r"[A-Za-z_]\w*", json.dumps([play, use.entry], default=str)))
    words |= words_of(use.folder) if use.folder is not None else frozenset()
    if asked := sorted(words.intersection(known)):
        raise CannotConvertError(f"it may ask for {asked[0]}, which earlier tasks left behind")
    slug = _NO_NAME.sub("-", use.name.lower()).strip("-")[:40] or "role"
    slug = slug if slug.startswith("role") else f"role-{slug}"
    file = f"{name}-{slug}-{use.number + 1}.yml"
    title = {"name": f"{play['name']}: {use.name}" if play.get("name") else use.name}
    text = _HEAD.format(role=_one_line(use.name), file=_one_line(Path(use.file).name), name=name)
    text += write_yaml(_json([{**title, **{k: v for k, v in play.items() if k != "name"}, **use.entry}]))
    return RolePlay(file, text, _step(use, task, file, ansible), _notes(use, play))


def _step(use: RoleUse, task: Task, file: str, ansible: Ansible) -> Draft:
    params: Draft = {"playbook": file}
    if ansible.inventory:
        params["inventory"] = list(ansible.inventory)
    if ansible.cwd is not None:
        params["cwd"] = ansible.cwd
    if use.path is not None and ansible.folder is not None:
        real, root = real_path(use.path), real_path(ansible.root or ansible.folder)
        seen = os.path.relpath(real, real_path(ansible.folder)) if real.is_relative_to(root) else str(real)
        params["environment"] = {"ANSIBLE_ROLES_PATH": seen}
    tags: Draft = {"tags": list(task.around.tags)} if task.around.tags else {}
    return {"name": use.name.replace("{{", "{ {"), **tags, "ansible.playbook": params}


def _notes(use: RoleUse, play: Mapping[str, object]) -> tuple[str, ...]:
    has = play.get("handlers") or (use.folder is not None and (use.folder / "handlers").is_dir())
    unread = (_BEFORE,) if use.folder is None else ()
    return (*unread, _HANDLERS) if has else unread


def _json(value: object) -> JsonValue:
    found: JsonValue = json.loads(json.dumps(value, default=str))
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())
