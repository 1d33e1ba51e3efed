"""What runs of Ansible have in common: their parameters, what Ansible counted, and what its check mode tells."""

import re
from typing import TypeAlias

from pydantic import Field, JsonValue

from runbook_engine.actions.guards import Guarded, look
from runbook_engine.sdk import (
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Command,
    CommandResult,
    Finding,
    Outputs,
    satisfied,
    unknown,
    unsatisfied,
)

PLAIN = {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
"""The environment in which Ansible writes what can be read here."""

FOLDER = """set -eu
mask=$(umask)
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
"""
"""Begins a script whose standard input goes into files that only the login can read: command lines are seen by all.

What modules make on this very machine gets the modes that it would have otherwise: the script sets `$mask` again.
"""

Counts: TypeAlias = dict[str, int]

_WORDS = 1500
_RECAP = re.compile(r"^(\S+)\s*:((?: +[a-z]+=[0-9]+)+) *$", re.MULTILINE)
_COUNT = re.compile(r"([a-z]+)=([0-9]+)")
_NEEDED = ("ok", "changed", "unreachable", "failed")


class AnsibleParams(Guarded):
    """For which hosts, and by which Ansible."""

    inventory: list[str] = Field(
        [], description="inventories for Ansible (files, folders, `host,`); its own configuration's without any",
        examples=[["inventories/production"]],
    )  # fmt: skip
    limit: str | None = Field(None, min_length=1, description="host pattern, as Ansible's --limit", examples=["apps"])
    environment: dict[str, str] = Field({}, description="environment variables added to the target's own")
    executable: str = Field(
        "ansible-playbook",
        pattern=r"^[^-].*$",
        description="the program",
        examples=["/opt/ansible/bin/ansible-playbook"],
    )


class AnsibleOutputs(Outputs):
    """What Ansible counted."""

    hosts: dict[str, dict[str, int]] = Field({}, description="by host: ok, changed, unreachable, failed")
    changed: int = Field(0, description="tasks that changed something, of all hosts")


def options_of(params: AnsibleParams) -> list[str]:
    """Give the options by which Ansible knows its hosts."""
    limit = [f"--limit={params.limit}"] if params.limit is not None else []
    return [*(f"--inventory={each}" for each in params.inventory), *limit]


def foresee(
    params: AnsibleParams, context: ActionContext, what: str, in_check_mode: Command | None, *, one_task: bool = False
) -> Finding:
    """Look at the conditions, or let Ansible look.

    Args:
        what: names the run, for people.
        in_check_mode: what runs it in Ansible's check mode; None where that may not be asked.
        one_task: whether it is one task without `when`: what is skipped is then skipped for want of a check mode.
    """
    finding = look(params, context, what)
    conditions = (params.creates, params.removes, params.unless)
    if finding.satisfied or in_check_mode is None or any(each is not None for each in conditions):
        return finding
    result = context.connection.run(in_check_mode, timeout=context.remaining())
    counted = _counted(result)
    hosts = _hosts(counted)
    evidence = {"hosts": hosts}
    if result.exit_status != 0 or not hosts:
        words = f"Ansible's check mode ended with exit status {result.exit_status}: {_said(result, hosts)}"
        return unknown(words, changes=finding.changes, evidence=evidence)
    changing = {host: counts["changed"] for host, counts in hosts.items() if counts["changed"]}
    changes = tuple(Change(what=host, after=f"{count} tasks would change it") for host, count in changing.items())
    if changing:
        words = f"Ansible would change {len(changing)} of {len(hosts)} hosts"
        return unsatisfied(words, changes=changes, evidence=evidence)
    skipping = [host for host, counts in counted.items() if counts.get("skipped", 1) or not counts["ok"]]
    if one_task and skipping:
        words = f"Ansible's check mode skips it (on {skipping[0]}): only running it would tell"
        return unknown(words, changes=finding.changes, evidence=evidence)
    return satisfied(f"Ansible would change nothing on {len(hosts)} hosts", evidence=evidence)


def run(context: ActionContext, command: Command, what: str) -> Applied:
    """Run Ansible detached, or reattach to it; a host that failed, or that there is none, is a failure."""
    result = context.connection.run_detached(
        command, token=context.run.token, timeout=context.remaining(), on_output=context.output
    )
    hosts = _hosts(_counted(result))
    if result.exit_status != 0 or not hosts:
        raise ActionFailedError(
            f"{what} ended with exit status {result.exit_status} on {context.target.name}: {_said(result, hosts)}",
            hint="the whole output is kept with the attempt",
        )
    changed = sum(counts["changed"] for counts in hosts.values())
    outputs: dict[str, JsonValue] = {
        "hosts": {host: {**counts} for host, counts in hosts.items()},
        "changed": changed,
    }
    summary = f"Ansible changed {changed} things on {len(hosts)} hosts"
    return Applied(summary=summary, outputs=outputs, changed=changed > 0)


def _counted(result: CommandResult) -> dict[str, Counts]:
    """Read what Ansible counted at its end, by host."""
    text = result.stdout.decode("utf-8", "replace")
    recap = text[text.rfind("\nPLAY RECAP") :] if "\nPLAY RECAP" in text else ""
    found = {each[1]: {name: int(n) for name, n in _COUNT.findall(each[2])} for each in _RECAP.finditer(recap)}
    return {host: counts for host, counts in found.items() if counts.keys() >= set(_NEEDED)}


def _hosts(counted: dict[str, Counts]) -> dict[str, Counts]:
    return {host: {name: counts[name] for name in _NEEDED} for host, counts in counted.items()}


def _said(result: CommandResult, hosts: dict[str, Counts]) -> str:
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
