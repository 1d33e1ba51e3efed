"""ansible.playbook: runs a playbook by an Ansible that is installed where the step works."""

import json
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, JsonValue

from runbook_engine.actions.ansible_runs import FOLDER, PLAIN, AnsibleOutputs, AnsibleParams, foresee, options_of, run
from runbook_engine.actions.guards import probes_of
from runbook_engine.sdk import Action, ActionContext, Applied, Command, Effect, Finding

SCRIPT = f"""{FOLDER}cat >"$folder/vars.json"
umask "$mask"
status=0
"$@" --extra-vars "@$folder/vars.json" </dev/null || status=$?
exit $status
"""


class PlaybookParams(AnsibleParams):
    """Which playbook, for which hosts."""

    playbook: str = Field(
        pattern=r"^[^-].*$",
        description="path of the playbook; a relative one begins at `cwd`, without which that is the project's "
        "folder on this machine, and the login's home elsewhere",
        examples=["playbooks/site.yml"],
    )
    tags: list[str] = Field([], description="only what has one of these tags", examples=[["config"]])
    skip_tags: list[str] = Field([], description="nothing that has one of these tags")
    extra_vars: dict[str, JsonValue] = Field(
        {},
        description="variables that overrule all others; they stand on no command line",
        examples=[{"role": "primary"}],
    )
    predict: bool = Field(
        default=False,
        description="whether the check runs the playbook with --check. Say so only of a playbook without `check_mode: "
        "false` and with modules that heed it: Ansible does not hold others back",
    )


class AnsiblePlaybook(Action[PlaybookParams]):
    """Run a playbook by Ansible, on the machine that the step works on: this one, unless it has targets.

    check: the conditions of `command.run`, if any are given. Otherwise with `predict` the playbook in Ansible's check
    mode: done when no host would change; what fails there may only lack what an earlier task would have made, so nobody
    can tell then. Otherwise nobody can tell, and it runs each time.
    apply: runs it detached: a lost connection or a killed engine doesn't end it, and the same attempt made again
    reattaches to it. The step is `unchanged` when Ansible changed nothing, and fails when a host failed or was not
    reached, or when there was none. While it runs, `extra_vars` stand in a file that only the login can read.
    """

    name = "ansible.playbook"
    effect = Effect.TOKEN
    reversible = False
    Params = PlaybookParams
    Outputs = AnsibleOutputs
    example: ClassVar[str] = """\
ansible.playbook:
  playbook: playbooks/standby.yml
  inventory: [inventories/production]
  limit: apps
  extra_vars: {role: primary}
"""

    def probe_commands(self, params: PlaybookParams) -> Sequence[tuple[str, ...]]:
        """Name the conditions' commands, and the playbook in check mode."""
        return (*probes_of(params), *((_argv(params, "--check"),) if params.predict else ()))

    def check(self, params: PlaybookParams, context: ActionContext) -> Finding:
        """Look at the conditions, or let Ansible look."""
        in_check_mode = _command(params, "--check") if params.predict else None
        return foresee(params, context, f"{params.executable} {params.playbook}", in_check_mode)

    def apply(self, params: PlaybookParams, context: ActionContext) -> Applied:
        """Run it, or reattach to it."""
        return run(context, _command(params), params.playbook)


def _argv(params: PlaybookParams, *more: str) -> tuple[str, ...]:
    options = options_of(params)
    options += [f"--tags={','.join(params.tags)}"] if params.tags else []
    options += [f"--skip-tags={','.join(params.skip_tags)}"] if params.skip_tags else []
    return ("/bin/sh", "-c", SCRIPT, "ansible.playbook", params.executable, *options, *more, params.playbook)


def _command(params: PlaybookParams, *more: str) -> Command:
    content = json.dumps(dict(params.extra_vars)).encode()
    return Command(_argv(params, *more), stdin=content, cwd=params.cwd, environment={**params.environment, **PLAIN})
