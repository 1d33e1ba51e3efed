"""A module that no action here stands for is left to Ansible itself, where that is sure to do the same."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from runbook_engine.expressions.references import names_used
from runbook_engine.loading.nesting import plain
from runbook_engine.loading.playbook.keywords import KEYWORDS
from runbook_engine.loading.playbook.modules import FREE_FORM, Draft
from runbook_engine.loading.playbook.parts import Task, as_mapping
from runbook_engine.loading.playbook.remarks import CannotConvertError
from runbook_engine.model.json import JsonValue

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_BUILT_IN = frozenset(
    {"apt", "apt_key", "apt_repository", "assemble", "blockinfile", "copy", "cron", "deb822_repository", "debconf"}
    | {"dnf", "dnf5", "dpkg_selections", "expect", "fail", "fetch", "file", "find", "get_url", "getent", "git", "group"}
    | {"hostname", "iptables", "known_hosts", "lineinfile", "package", "package_facts", "ping", "pip", "reboot"}
    | {"replace", "rpm_key", "service", "service_facts", "slurp", "stat", "subversion", "systemd", "systemd_service"}
    | {"sysvinit", "tempfile", "unarchive", "uri", "user", "wait_for", "wait_for_connection", "yum_repository"}
)
"""Modules that come with Ansible and work by themselves, without `ansible.builtin.`."""
_OF_A_PLAY = frozenset(
    {"add_host", "assert", "async_status", "debug", "gather_facts", "group_by", "import_playbook", "import_role"}
    | {"import_tasks", "include", "include_role", "include_tasks", "include_vars", "meta", "pause", "role", "set_fact"}
    | {"set_stats", "setup", "template", "validate_argument_spec"}
)
"""What means something only among the tasks and variables of its play."""
_NOT_ALONE = {
    "delegate_to": "it is done on another host than the play's",
    "run_once": "it is done on one host of many, of Ansible's choice",
    "throttle": "it takes a few hosts at a time",
    "until": "it asks how the module ended",
    "check_mode": "`check_mode` says what a dry run does",
    "module_defaults": "its arguments are in `module_defaults`, too",
    "failed_when": "`failed_when` decides whether it failed",
    "changed_when": "`changed_when` decides whether it changed something",
}
_SAYS_NOTHING: Mapping[str, tuple[object, ...]] = {"run_once": (False,), "throttle": (0,), "module_defaults": ({}, [])}
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1"})
_MOVED = {"become": "become", "become_user": "become_user", "environment": "module_environment", "sensitive": "no_log"}


@dataclass(frozen=True, slots=True)
class Ansible:
    """How a project's runbooks have Ansible do something.

    Attributes:
        inventory: inventories, as seen from `cwd`.
        cwd: the playbook's folder, where Ansible looks for files; None for the project's.
        folder, root: the playbook's and the project's, as they are.
        writes: whether plays may be written beside the playbook.
    """

    inventory: Sequence[str] = ()
    cwd: str | None = None
    folder: Path | None = None
    root: Path | None = None
    writes: bool = False


def stands_alone(module: str) -> bool:
    """Tell whether a module means the same outside of its play."""
    return _NAME.fullmatch(module) is not None and module not in _OF_A_PLAY | FREE_FORM


def ask_ansible(task: Task, module: str, args: Mapping[str, object], ansible: Ansible) -> Draft:
    """Give the parameters of ansible.module for a task.

    Raises:
        CannotConvertError: it would not do the same by itself.
    """
    if others := [word for word in task.words if word not in KEYWORDS | {module} and not word.startswith("with_")]:
        raise CannotConvertError(f"it has a word that no task has ({others[0]})")
    words = {**task.around.words, **task.words}
    for word, why in _NOT_ALONE.items():
        if words.get(word) is not None and words[word] not in _SAYS_NOTHING.get(word, ()):
            raise CannotConvertError(why)
    if words.get("connection") is not None and task.hosts not in _THIS_MACHINE:
        raise CannotConvertError(f"`connection: {words['connection']}` says where it is done")
    if task.serial is not None or task.max_fail_percentage is not None:
        raise CannotConvertError("its play takes the hosts in batches, or up to a number that fail")
    src = args.get("src")
    if task.role is not None and isinstance(src, str) and not src.startswith("/"):
        raise CannotConvertError("it may take a file of the role, where a task by itself does not look")
    params: Draft = {"module": f"ansible.builtin.{module}" if module in _BUILT_IN else module}
    params["args"] = cast("JsonValue", plain(dict(args)))
    params["hosts"] = task.hosts
    if ansible.inventory:
        params["inventory"] = list(ansible.inventory)
    return params if ansible.cwd is None else {**params, "cwd": ansible.cwd}


def hand_over(step: Draft, params: Draft, task: Task, variables: Mapping[str, object]) -> Draft:
    """Give the step that has Ansible do what `step` says: as whom and on which hosts is Ansible's then.

    Raises:
        CannotConvertError: it depends on what only Ansible knows, such as the variables of a host.
    """
    moved = {there: step[here] for here, there in _MOVED.items() if here in step}
    kept = {word: value for word, value in step.items() if word not in {"targets", *_MOVED} or word == "sensitive"}
    made = {**kept, "ansible.module": {**params, **moved}}
    scope = {**variables, **task.around.variables, **as_mapping(task.words.get("vars")), **task.around.params}
    known = {"secret", *(("item",) if "loop" in step else ())}
    for name in sorted(_names(made, scope)):
        if name not in known and name not in scope:
            raise CannotConvertError(f"it depends on {name}, which may be another thing on each host")
    return made


def _names(step: Draft, scope: Mapping[str, object]) -> set[str]:
    """Give the names that a step's expressions look up, and those that the values of these look up."""
    bare = {"when", *(("loop",) if isinstance(step.get("loop"), str) else ())}
    pending = set(names_used({word: value for word, value in step.items() if word not in bare | {"vars"}}))
    for word in bare & step.keys():
        pending |= names_used(step[word], bare=True)
    found = set[str]()
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending |= names_used(cast("JsonValue", plain(scope.get(name))))
    return found
