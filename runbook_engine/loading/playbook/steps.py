"""One task becomes one step: its action, and what Ansible's keywords are here."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, cast

from runbook_engine.loading.nesting import plain
from runbook_engine.loading.playbook.by_ansible import Ansible, ask_ansible, hand_over, stands_alone
from runbook_engine.loading.playbook.keywords import KEYWORDS
from runbook_engine.loading.playbook.known import Known
from runbook_engine.loading.playbook.modules import FREE_FORM, MODULES, Args, Converted
from runbook_engine.loading.playbook.parts import Task, as_list, as_words
from runbook_engine.loading.playbook.project_files import place_file
from runbook_engine.loading.playbook.refusals import (
    LOST,
    refuse_bad_templates,
    refuse_other_meanings,
    refuse_other_outputs,
    uses,
)
from runbook_engine.loading.playbook.remarks import CannotConvertError
from runbook_engine.loading.playbook.repeats import RESULT_TEST, repeated
from runbook_engine.loading.playbook.task_files import FROM_VAULT
from runbook_engine.model.json import JsonValue

Draft: TypeAlias = dict[str, JsonValue]

_NOTHING_TO_DO = frozenset({"debug", "meta", "set_stats", "setup", "gather_facts"})
_BATCH = re.compile(r"[0-9]{1,9}%?")
_LOOKUP = re.compile(r"\b(?:lookup|query|q)\s*\(")
_FACT = re.compile(
    r"\bansible_(?:facts\b|distribution|os_family|hostname|fqdn|default_ipv|architecture|date_time|kernel)"
)
_KINDS: Mapping[str, type] = {"ignore_errors": bool, "timeout": int, "async": int, "throttle": int, "delay": int}
"""Keywords that are taken over only where they are no template."""

_INSTRUCTIONS = "Do by hand what the playbook did here ({reason}).\n\n{task}"


@dataclass(slots=True)
class Registered:
    """What earlier tasks registered: by name the id of the step whose outputs it is now, and that step's action.

    Attributes:
        lost: names that no step's outputs are.
    """

    steps: dict[str, str] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class MadeStep:
    """A step in place of a task.

    Attributes:
        step: as the runbook has it, without `id` and `needs`.
        notes: what is different, for people.
        label: what to call it when it has no name.
        by_hand: why a person has to do it; empty when an action does.
        by_ansible: whether the action is ansible.module.
    """

    step: Draft
    label: str
    notes: tuple[str, ...] = ()
    by_hand: str = ""
    by_ansible: bool = False


def make_step(
    task: Task,
    registered: Registered,
    ansible: Ansible | None = None,
    known: Known | None = None,
    folders: tuple[Path, Path | None] = (Path(), None),
) -> MadeStep | None:
    """Turn a task into a step; None when it does nothing to anything.

    Args:
        ansible: how Ansible does what no action here does; None leaves that to people.
        known: what is known around the task.
        folders: the playbook's and the project's.
    """
    known = known or Known()
    module = next((word for word in task.words if word not in KEYWORDS and not word.startswith("with_")), "")
    if module in _NOTHING_TO_DO:
        return None
    notes: list[str] = []
    try:
        converted, template = place_file(_action(task, module), task, *folders)
        keywords = _keywords(task, registered, notes, template)
        step = {**keywords, **(converted.step or {}), converted.action: converted.params}
        step = known.given_to(step, task, template)
        _refuse_unknown_words({**step, "template": template})
        refuse_bad_templates(step)
    except CannotConvertError as error:
        if ansible is None or not stands_alone(module):
            return _by_hand(task, module, str(error))
        return _by_ansible(task, module, registered, ansible, known, str(error))
    return MadeStep(step, task.name or module, (*converted.notes, *notes))


def _by_ansible(
    task: Task, module: str, registered: Registered, ansible: Ansible, known: Known, reason: str
) -> MadeStep:
    """Leave a task to Ansible, or to a person when it would not do the same by itself."""
    notes: list[str] = []
    try:
        args = Args(task.words[module], task.words.get("args"))
        args.words()
        params = ask_ansible(task, module, args.rest(), ansible)
        step = hand_over(_keywords(task, registered, notes), params, task, known.certain)
        step = known.given_to(step, task)
        _refuse_unknown_words(step)
        refuse_bad_templates(step)
    except CannotConvertError as error:
        why = reason if str(error) == reason else f"{reason}; and Ansible can't be asked: {error}"
        return _by_hand(task, module, why)
    return MadeStep(step, task.name or module, (f"Ansible does it ({reason})", *notes), by_ansible=True)


def _action(task: Task, module: str) -> Converted:
    if not module:
        raise CannotConvertError("it names its module by `action` or `local_action`")
    if task.role is not None and task.role.refusal:
        raise CannotConvertError(task.role.refusal)
    if module in {"role", "include_role", "import_role", "import_playbook"}:
        raise CannotConvertError("what it does is in another file; ansible.playbook can run it")
    convert = MODULES.get(module)
    if convert is None:
        raise CannotConvertError(f"there is no action for the module {module}")
    args = Args(task.words[module], task.words.get("args"))
    if module not in FREE_FORM:
        args.words()
    return convert(args)


def _keywords(task: Task, registered: Registered, notes: list[str], template: str = "") -> Draft:
    words = {**task.around.words, **{word: value for word, value in task.words.items() if word in KEYWORDS}}
    own = task.words.get("environment")
    if isinstance(around := task.around.words.get("environment"), dict) and isinstance(own, dict):
        words["environment"] = {**around, **own}
    refuse_other_meanings(words | _arguments(task), task.hosts)
    step: Draft = {"name": task.name} if task.name else {}
    step["targets"] = _targets(task, words, notes)
    if when := _when([*task.around.when, *as_list(words.get("when"))]):
        step["when"] = when
    step |= _manner(task, words) | repeated(task, words, notes)
    if task.serial is not None:
        sizes = [str(one).strip() for one in as_list(task.serial)]
        if sizes and all(_BATCH.fullmatch(size) for size in sizes):
            step["batch"] = [size if size.endswith("%") else int(size) for size in sizes]
        else:
            notes.append("`serial` is left out: write batch with numbers of hosts, or percentages")
    if task.max_fail_percentage is not None:
        step["max_failures"] = f"{task.max_fail_percentage}%"
    for word in ("timeout", "async"):
        if isinstance(seconds := words.get(word), int) and seconds > 0:
            step["timeout"] = f"{seconds}s"
    _tell_of_lost(words, notes)
    return step | _variables(task, words, step, registered, notes, template)


def _arguments(task: Task) -> dict[str, object]:
    """Give what a task says besides keywords: its module and that one's arguments."""
    return {word: value for word, value in task.words.items() if word not in KEYWORDS and word != "name"}


def _manner(task: Task, words: Mapping[str, object]) -> Draft:
    """Give how the step is run: as whom, in which environment, and what becomes of it when it fails."""
    step: Draft = {}
    become = words.get("become")
    if not isinstance(become, bool | None):
        raise CannotConvertError(f"`become` depends on {become!r}")
    if become:
        step["become"] = True
        if user := words.get("become_user"):
            step["become_user"] = str(user)
    if isinstance(environment := words.get("environment"), dict):
        step["environment"] = {str(name): str(value) for name, value in environment.items()}
    if tags := list(dict.fromkeys((*task.around.tags, *as_words(words.get("tags"))))):
        step["tags"] = list(tags)
    if words.get("no_log"):
        step["sensitive"] = True
    if words.get("ignore_errors") is True:
        step["on_failure"] = "continue"
    if task.around.always:
        step["always"] = True
    if isinstance(throttle := words.get("throttle"), int) and throttle > 0:
        step["parallel"] = throttle
    return step


def _targets(task: Task, words: Mapping[str, object], notes: list[str]) -> str:
    delegate = words.get("delegate_to")
    if words.get("run_once") and delegate is None:
        raise CannotConvertError("`run_once` has no counterpart: name the one host it is for")
    if delegate is None:
        return task.hosts
    if "{{" in str(delegate):
        raise CannotConvertError("it runs on a host that a template names (`delegate_to`)")
    if not words.get("run_once"):
        notes.append(f"it runs once, on {delegate}, and not once for each host of {task.hosts}")
    return str(delegate)


def _when(conditions: list[object]) -> JsonValue:
    """Join conditions into one expression; each in brackets when there are several."""
    texts = [str(one).lower() if isinstance(one, bool) else str(one).strip() for one in conditions]
    return texts[0] if len(texts) == 1 else " and ".join(f"({text})" for text in texts)


def _variables(
    task: Task, words: Mapping[str, object], step: Draft, registered: Registered, notes: list[str], template: str
) -> Draft:
    """Give the step's own vars: the block's and the task's, and what earlier tasks registered and this one names."""
    found = {name: _plain(value) for name, value in task.around.variables.items()}
    own = words.get("vars")
    found |= {str(name): _plain(value) for name, value in own.items()} if isinstance(own, dict) else {}
    said = {**step, **_draft(_arguments(task)), "vars": found, "template": template}
    text = json.dumps([step, _plain(task.words), template], default=str)
    if lost := [name for name in sorted(registered.lost) if uses(name, said)]:
        raise CannotConvertError(f"it asks for {lost[0]}, which no step leaves behind")
    for name, source in registered.steps.items():
        if not uses(name, said):
            continue
        if RESULT_TEST.search(text):
            raise CannotConvertError(f"it asks how the task ended that registered {name}")
        if re.search(rf"\b{re.escape(name)}\.rc\b", text):
            raise CannotConvertError(f"{name}.rc is `exit_status` here")
        if isinstance(step.get("loop"), str) and name in str(step["loop"]):
            raise CannotConvertError(f"it repeats over the output of an earlier task ({name}), which a plan can't know")
        refuse_other_outputs(name, registered.actions[name], said)
        found[name] = f"{{{{ steps['{source}'].targets[inventory_hostname] }}}}"
        notes.append(f"{name} are the outputs of the step {source} on the same host")
    return {"vars": found} if found else {}


def _tell_of_lost(words: Mapping[str, object], notes: list[str]) -> None:
    for word, text in LOST.items():
        if word in words and words[word] not in (None, []):
            notes.append(f"`{word}` {text}")
    if words.get("failed_when") not in (None, False):
        raise CannotConvertError(
            "`failed_when` decides by the output; use ok_exit_statuses, retry.until or assert.that"
        )
    depends = [word for word, kind in _KINDS.items() if not isinstance(words.get(word), kind | None)]
    notes.extend(f"`{word}` depends on {words[word]!r}, and is left out" for word in depends)
    if not isinstance(words.get("no_log"), bool | None):
        notes.append(f"`no_log` depends on {words['no_log']!r}, and is taken for yes")


def _refuse_unknown_words(step: Draft) -> None:
    text = json.dumps(step, default=str)
    if _LOOKUP.search(text):
        raise CannotConvertError("it uses a lookup, which templates of a runbook don't have")
    if fact := _FACT.search(text):
        raise CannotConvertError(f"it uses a fact that Ansible gathers ({fact[0]})")


def _by_hand(task: Task, module: str, reason: str) -> MadeStep:
    shown = {word: _plain(value) for word, value in task.words.items() if word != "name"}
    words = json.dumps(shown, indent=2, ensure_ascii=False, default=str)
    text = _INSTRUCTIONS.format(reason=reason, task=words)
    where = f"On {task.hosts}: " if task.hosts != "localhost" else ""
    step: Draft = {"name": _inert(task.name or module or "a task")}
    step["manual.task"] = {"roles": ["engineering"], "instructions": _inert(where + text)}
    if task.around.always:
        step["always"] = True
    return MadeStep(step, task.name or module, (), reason)


def _inert(text: str) -> str:
    """Give a text in which nothing is filled in: what Ansible knew here may be known to nobody."""
    for opening in ("{{", "{%", "{#"):
        text = text.replace(opening, f"{{ {opening[1]}")
    return text


def _draft(words: Mapping[str, object]) -> Draft:
    """Give a module's arguments as a step has them, so that its expressions can be looked through."""
    shown = {word: _plain(value) for word, value in words.items()}
    facts = shown.pop("assert", None)
    return {**shown, "assert.that": facts} if facts is not None else shown


def _plain(value: object) -> JsonValue:
    return cast("JsonValue", plain(value))  # YAML's values are JSON's


def holds_vault(step: Draft) -> bool:
    """Tell whether a value of the step was encrypted by ansible-vault."""
    return FROM_VAULT in json.dumps(step, ensure_ascii=False, default=str)
