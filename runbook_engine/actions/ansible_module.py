"""ansible.module: runs one module by an Ansible that is installed where the step works."""

import json
import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, JsonValue, field_validator

from runbook_engine.actions.ansible_runs import (
    FOLDER,
    PLAIN,
    AnsibleOutputs,
    AnsibleParams,
    foresee,
    options_of,
    run,
)
from runbook_engine.actions.guards import probes_of
from runbook_engine.sdk import Action, ActionContext, Applied, Command, Effect, Finding

# Ansible looks for files, templates, variables and plugins beside the playbook: beside this one lies what lies in the
# folder that the step works in.
SCRIPT = f"""{FOLDER}for each in *; do
    if [ -e "$each" ]; then ln -s "$PWD/$each" "$folder/$each"; fi
done
cat >"$folder/.runbook-step.json"
umask "$mask"
status=0
"$@" "$folder/.runbook-step.json" </dev/null || status=$?
exit $status
"""

_OWN = "ansible.builtin."
_PREFIX = re.compile(r"^ansible\.(?:builtin|legacy)\.")
_ONLY_IN_A_PLAY = frozenset(
    {"add_host", "async_status", "debug", "gather_facts", "group_by", "import_playbook", "import_role", "import_tasks"}
    | {"include", "include_role", "include_tasks", "include_vars", "meta", "pause", "set_fact", "set_stats", "setup"}
)


class ModuleParams(AnsibleParams):
    """Which module, with what, on which hosts."""

    module: str = Field(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
        description="name of the module",
        examples=["ansible.builtin.apt"],
    )
    args: dict[str, JsonValue] = Field(
        {},
        description="the module's arguments; Ansible takes them as they are, and fills in no template of its own",
        examples=[{"name": "nginx", "state": "present"}],
    )
    hosts: str = Field(min_length=1, description="host pattern, as a play's `hosts`", examples=["web"])
    become: bool = Field(default=False, description="whether Ansible becomes another user on the hosts")
    become_user: str | None = Field(None, min_length=1, description="whom it becomes; root without", examples=["app"])
    module_environment: dict[str, str] = Field({}, description="environment variables of the module on the hosts")
    no_log: bool = Field(
        default=False,
        description="whether Ansible keeps the arguments out of its output and out of the hosts' system logs, where "
        "modules write them: say so when they hold secrets",
    )
    extra_vars: dict[str, JsonValue] = Field(
        {},
        description="variables that overrule the inventory's, such as how hosts are reached; they stand on no command "
        "line",
        examples=[{"ansible_user": "deploy"}],
    )
    predict: bool | None = Field(
        None,
        description="whether the check runs the module with --check; without, it does with `ansible.builtin.` modules, "
        "which heed it, and with no others: Ansible holds back only what was written by its rules",
    )

    @field_validator("module")
    @classmethod
    def _works_alone(cls, name: str) -> str:
        if _PREFIX.sub("", name) in _ONLY_IN_A_PLAY:
            raise ValueError(f"{name} has a meaning only inside of a play; run the play by ansible.playbook")
        return name

    @field_validator("args", "extra_vars")
    @classmethod
    def _is_data(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if name := next((name for name in _names(value) if name.startswith(("__ansible", "_ansible"))), None):
            raise ValueError(f"{name} is a word between Ansible and its modules, and nobody else's")
        return value


class AnsibleModule(Action[ModuleParams]):
    """Run one of Ansible's modules, by Ansible on the machine that the step works on: this one, unless it has targets.

    check: the conditions of `command.run`, if any are given. Otherwise the module in Ansible's check mode (see
    `predict`): done when no host would change. Where the check mode skips the module, or fails, nobody can tell, and it
    runs each time.
    apply: runs it detached, by a playbook of this one task: a lost connection or a killed engine doesn't end it, and
    the same attempt made again reattaches to it. The step is `unchanged` when Ansible changed nothing, and fails when a
    host failed or was not reached, or when none matches `hosts`. While it runs, `args` and `extra_vars` stand in a file
    that only the login can read. Relative paths of inventories and of files to copy begin at `cwd`, without which that
    is the project's folder on this machine, and the login's home elsewhere; Ansible also looks in its `files/` and
    `templates/`. Give paths on the hosts in full.
    """

    name = "ansible.module"
    effect = Effect.TOKEN
    reversible = False
    Params = ModuleParams
    Outputs = AnsibleOutputs
    example: ClassVar[str] = """\
ansible.module:
  module: ansible.builtin.apt
  args: {name: nginx, state: present}
  hosts: web
  become: true
  inventory: [inventories/production]
"""

    def probe_commands(self, params: ModuleParams) -> Sequence[tuple[str, ...]]:
        """Name the conditions' commands, and the module in check mode."""
        return (*probes_of(params), *((_argv(params, "--check"),) if _predicts(params) else ()))

    def check(self, params: ModuleParams, context: ActionContext) -> Finding:
        """Look at the conditions, or let Ansible look."""
        in_check_mode = _command(params, "--check") if _predicts(params) else None
        return foresee(params, context, _what(params), in_check_mode, one_task=True)

    def apply(self, params: ModuleParams, context: ActionContext) -> Applied:
        """Run it, or reattach to it."""
        return run(context, _command(params), _what(params))


def _what(params: ModuleParams) -> str:
    return f"{params.module} on {params.hosts}"


def _predicts(params: ModuleParams) -> bool:
    return params.module.startswith(_OWN) if params.predict is None else params.predict


def _argv(params: ModuleParams, *more: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", SCRIPT, "ansible.module", params.executable, *options_of(params), *more)


def _command(params: ModuleParams, *more: str) -> Command:
    task: dict[str, JsonValue] = {
        "name": params.module,
        "action": params.module,
        "args": _literal(params.args),
        "environment": _literal({**params.module_environment}),
        "no_log": params.no_log,
    }
    play: dict[str, JsonValue] = {
        "name": params.module,
        "hosts": _literal(params.hosts),
        "gather_facts": False,
        "vars": _literal(params.extra_vars),
        "become": params.become,
        "tasks": [task],
    }
    if params.become_user is not None:
        play["become_user"] = _literal(params.become_user)
    content = json.dumps([play]).encode()
    return Command(_argv(params, *more), stdin=content, cwd=params.cwd, environment={**params.environment, **PLAIN})


def _literal(value: JsonValue) -> JsonValue:
    """Mark each text as one that Ansible must not take for a template: it may come from a host."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value}
    if isinstance(value, dict):
        return {name: _literal(each) for name, each in value.items()}
    return [_literal(each) for each in value] if isinstance(value, list) else value


def _names(value: JsonValue) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(name for each in value.values() for name in _names(each))]
    return [name for each in value for name in _names(each)] if isinstance(value, list) else []
