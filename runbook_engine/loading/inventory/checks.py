"""Refuses host names and variables that would be dangerous, or would not do what their author thinks."""

import re

from runbook_engine.loading.inventory.findings import Findings, Place
from runbook_engine.model.connection_variables import variable_problem
from runbook_engine.model.json import JsonValue
from runbook_engine.model.quoting import quoted

LONGEST_NAME = 255
_NAME_REFUSED = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_TEMPLATE = re.compile(r"\{\{|\{%")
_CONNECTION = re.compile(
    r"ansible_(?:host|port|user|connection|password|private_key_(?:file|passphrase)|remote_tmp|become(?:_\w+)?|aws_ssm_\w+"
    r"|ssh_(?:host|port|user|pass|password|private_key_file|key_passphrase|private_key_passphrase|executable|(?:\w+_)?args))"
    r"|jump_host"
)
_SSH_OPTIONS = re.compile(r"ansible_(?:ssh|scp|sftp)_(?:(?:\w+_)?args|executable)")
_RUNS_A_PROGRAM = re.compile(
    r"ProxyCommand|LocalCommand|KnownHostsCommand|PKCS11Provider|SecurityKeyProvider|\bMatch\b.*\bexec\b", re.IGNORECASE
)


def check_host_name(name: str, place: Place, findings: Findings) -> bool:
    """Tell whether a host may have this name; it ends up in command lines, file names and on screens."""
    if not name:
        problem = "a host has an empty name"
    elif name.startswith("-"):
        problem = f"host name {quoted(name)} begins with '-', so that programs would take it for an option"
    elif _NAME_REFUSED.search(name):
        problem = f"host name {quoted(name)} has blanks, control or invisible characters"
    elif len(name) > LONGEST_NAME:
        problem = f"host name {quoted(name)} is longer than {LONGEST_NAME} characters"
    else:
        return True
    findings.add("RB309", place, problem, "name the host plainly, and put its address into ansible_host")
    return False


def check_group_name(name: str, place: Place, findings: Findings) -> bool:
    """Tell whether a group may have this name."""
    if name and not name.startswith("-") and not _NAME_REFUSED.search(name) and len(name) <= LONGEST_NAME:
        return True
    findings.add(
        "RB309",
        place,
        f"group name {quoted(name)} is empty, too long, begins with '-' or has blanks, control or invisible characters",
    )
    return False


def check_variable(
    name: str, value: JsonValue, place: Place, findings: Findings, named: set[str], *, owner: str = ""
) -> None:
    """Note what is wrong with a variable: its name, its value, a template, an ssh option that runs programs.

    Args:
        named: names that were looked at already; a bad name is told once.
        owner: the host or group whose variable it is, where the place does not tell.
    """
    if name not in named:
        named.add(name)
        if not (name.isidentifier() and name.isascii()):
            findings.add(
                "RB321",
                place,
                f"variable name {quoted(name)} can't be used in a template by its name",
                "use letters, digits and underscores",
            )
    if _holds_template(value):
        if _CONNECTION.fullmatch(name):
            findings.add(
                "RB315",
                place,
                f"{name} holds a template, and a connection would take it literally",
                "inventory variables are data and are never rendered; write the value itself",
            )
        else:
            findings.add(
                "RB316",
                place,
                f"variable {quoted(name)} holds a template that will not be rendered",
                "inventory variables are data; move the expression into the runbook's vars",
            )
    if (problem := variable_problem(name, value)) is not None:
        whose = f"{quoted(owner)[1:-1]}: " if owner else ""
        findings.add("RB329" if problem.elsewhere else "RB328", place, f"{whose}{problem.message}", problem.hint)
    if name.startswith("ansible_s") and _SSH_OPTIONS.fullmatch(name) and _RUNS_A_PROGRAM.search(str(value)):
        findings.add(
            "RB317",
            place,
            f"{name} would make ssh run a program of the inventory's author",
            "use jump_host, or ProxyJump in your own ~/.ssh/config",
        )


def _holds_template(value: JsonValue) -> bool:
    if isinstance(value, str):
        return "{" in value and _TEMPLATE.search(value) is not None
    if isinstance(value, dict):
        return any(_holds_template(one) for one in value.values())
    if isinstance(value, list):
        return any(_holds_template(one) for one in value)
    return False
