"""ansible.playbook: runs a playbook by an Ansible that is installed where the step works."""

import json
import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, JsonValue

from runbook_engine.actions.guards import Guarded, look, probes_of
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Command,
    CommandResult,
    Effect,
    Finding,
    Outputs,
    satisfied,
    unknown,
    unsatisfied,
)

_WORDS = 1500
_RECAP = re.compile(r"^(\S+)\s*: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
_PLAIN = {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
_COUNTS = ("ok", "changed", "unreachable", "failed")

# Variables come by the standard input and stand in a file that only the login can read: command lines are seen by all.
SCRIPT = """set -eu
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
cat >"$folder/vars.json"
status=0
"$@" --extra-vars "@$folder/vars.json" </dev/null || status=$?
exit $status
"""


class PlaybookParams(Guarded):
    """Which playbook, for which hosts."""

    playbook: str = Field(
        pattern=r"^[^-].*$",
        description="path of the playbook; a relative one begins at `cwd`, without which that is the project's folder "
        "on this machine, and the login's home elsewhere",
        examples=["playbooks/site.yml"],
    )
    inventory: list[str] = Field(
        [], description="inventories for Ansible (files, folders, `host,`); its own configuration's without any",
        examples=[["inventories/production"]],
    )  # fmt: skip
    limit: str | None = Field(None, min_length=1, description="host pattern, as Ansible's --limit", examples=["apps"])
    tags: list[str] = Field([], description="only what has one of these tags", examples=[["config"]])
    skip_tags: list[str] = Field([], description="nothing that has one of these tags")
    extra_vars: dict[str, JsonValue] = Field(
        {},
        description="variables that overrule all others; they stand on no command line",
        examples=[{"role": "primary"}],
    )
    environment: dict[str, str] = Field({}, description="environment variables added to the target's own")
    executable: str = Field(
        "ansible-playbook",
        pattern=r"^[^-].*$",
        description="the program",
        examples=["/opt/ansible/bin/ansible-playbook"],
    )
    predict: bool = Field(
        default=False,
        description="whether the check runs the playbook with --check. Say so only of a playbook without `check_mode: "
        "false` and with modules that heed it: Ansible does not hold others back",
    )


class PlaybookOutputs(Outputs):
    """What Ansible counted."""

    hosts: dict[str, dict[str, int]] = Field({}, description="by host: ok, changed, unreachable, failed")
    changed: int = Field(0, description="tasks that changed something, of all hosts")


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
    Outputs = PlaybookOutputs
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
        conditions = (params.creates, params.removes, params.unless, params.only_if)
        finding = look(params, context, f"{params.executable} {params.playbook}")
        if finding.satisfied or not params.predict or any(each is not None for each in conditions[:3]):
            return finding
        result = context.connection.run(_command(params, "--check"), timeout=context.remaining())
        hosts = _hosts(result)
        changing = {host: counts["changed"] for host, counts in hosts.items() if counts["changed"]}
        evidence = {"hosts": hosts}
        if result.exit_status != 0 or not hosts:
            words = f"Ansible's check mode ended with exit status {result.exit_status}: {_said(result, hosts)}"
            return unknown(words, changes=finding.changes, evidence=evidence)
        if not changing:
            return satisfied(f"Ansible would change nothing on {len(hosts)} hosts", evidence=evidence)
        changes = tuple(Change(what=host, after=f"{count} tasks would change it") for host, count in changing.items())
        return unsatisfied(
            f"Ansible would change {len(changing)} of {len(hosts)} hosts", changes=changes, evidence=evidence
        )

    def apply(self, params: PlaybookParams, context: ActionContext) -> Applied:
        """Run it, or reattach to it."""
        result = context.connection.run_detached(
            _command(params), token=context.run.token, timeout=context.remaining(), on_output=context.output
        )
        hosts = _hosts(result)
        if result.exit_status != 0 or not hosts:
            raise ActionFailedError(
                f"{params.playbook} ended with exit status {result.exit_status} on {context.target.name}: "
                f"{_said(result, hosts)}",
                hint="the whole output is kept with the attempt",
            )
        changed = sum(counts["changed"] for counts in hosts.values())
        outputs: dict[str, JsonValue] = {
            "hosts": {host: {**counts} for host, counts in hosts.items()},
            "changed": changed,
        }
        summary = f"Ansible changed {changed} things on {len(hosts)} hosts"
        return Applied(summary=summary, outputs=outputs, changed=changed > 0)


def _argv(params: PlaybookParams, *more: str) -> tuple[str, ...]:
    options = [f"--inventory={each}" for each in params.inventory]
    options += [f"--limit={params.limit}"] if params.limit is not None else []
    options += [f"--tags={','.join(params.tags)}"] if params.tags else []
    options += [f"--skip-tags={','.join(params.skip_tags)}"] if params.skip_tags else []
    return ("/bin/sh", "-c", SCRIPT, "ansible.playbook", params.executable, *options, *more, params.playbook)


def _command(params: PlaybookParams, *more: str) -> Command:
    content = json.dumps(dict(params.extra_vars)).encode()
    return Command(_argv(params, *more), stdin=content, cwd=params.cwd, environment={**params.environment, **_PLAIN})


def _hosts(result: CommandResult) -> dict[str, dict[str, int]]:
    """Read what Ansible counted at its end, by host."""
    text = result.stdout.decode("utf-8", "replace")
    recap = text[text.rfind("\nPLAY RECAP") :] if "\nPLAY RECAP" in text else ""
    return {found[1]: dict(zip(_COUNTS, map(int, found.groups()[1:]), strict=True)) for found in _RECAP.finditer(recap)}


def _said(result: CommandResult, hosts: dict[str, dict[str, int]]) -> str:
    """Say what went wrong: which hosts, else Ansible's last words."""
    bad = [host for host, counts in hosts.items() if counts["failed"] or counts["unreachable"]]
    last = (result.stderr.strip() or result.stdout.strip()).decode("utf-8", "replace")[-_WORDS:]
    if bad:
        failures = "; ".join(
            re.findall(r"^(?:fatal|failed): .*", result.stdout.decode("utf-8", "replace"), re.MULTILINE)
        )
        return f"{', '.join(bad)} failed or could not be reached: {failures[:_WORDS] or last}"
    if result.exit_status == 0 and not hosts:
        return f"it worked on no host: {last}"
    return last or "it said nothing"
