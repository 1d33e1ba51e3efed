"""runbook actions: what steps can use."""

import json
import sys
from dataclasses import asdict

import click

from runbook_engine.app.iam_policy import iam_policy
from runbook_engine.app.list_actions import ActionView, ParameterView, describe_action, list_actions
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import OpenProject, open_project
from runbook_engine.cli.documented import documented
from runbook_engine.cli.earlier import earlier_run_option, with_earlier_run
from runbook_engine.cli.findings import say_findings, say_notes
from runbook_engine.cli.options import output_option, plan_options
from runbook_engine.cli.terminal import columns_of, result, result_json, table
from runbook_engine.model.errors import UsageError


@documented
@click.argument("name", required=False)
@click.option(
    "--iam",
    is_flag=True,
    help="NAME is a runbook: print the IAM policy that its AWS actions need, as JSON. What it can't be kept to before "
    "a run is said on standard error.",
)
@plan_options
@earlier_run_option
@output_option("text", "json")
def actions(
    name: str | None,
    iam: bool,
    inventories: tuple[str, ...],
    extra_vars: tuple[str, ...],
    limit: str | None,
    from_run: str | None,
    output: str,
) -> None:
    """List the actions that steps can use, or describe one; or print the IAM policy that a runbook needs.

    Examples:
      runbook actions
      runbook actions aws.rds_restore_snapshot
      runbook actions --output json
      runbook actions --iam region-failover -i production -e incident=INC-42
      runbook actions --iam region-failback --from-run 20261123-0855 -e incident=INC-42
    """
    project = open_project()
    if iam:
        _policy(project, PlanRequest(name or "", inventories, extra_vars, limit), from_run)
        return
    if inventories or extra_vars or limit is not None or from_run is not None:
        raise UsageError("an inventory, inputs, a limit and an earlier run go with --iam")
    catalog, findings = project.actions
    say_findings(findings)
    if name is not None:
        found = describe_action(catalog, name)
        if output == "json":
            result_json(asdict(found))
        else:
            result(action_text(found))
        return
    every = list_actions(catalog)
    if output == "json":
        result_json([asdict(found) for found in every])
    else:
        result(
            table(
                ("action", "kind", "what it does"),
                [(found.name, found.kind, found.summary) for found in every],
                columns=columns_of(sys.stdout),
            )
        )


def _policy(project: OpenProject, request: PlanRequest, from_run: str | None) -> None:
    """Print a runbook's policy."""
    if not request.runbook:
        raise UsageError("--iam needs the name of a runbook", hint="runbook actions --iam NAME -i INVENTORY")
    prepared = prepare_plan(project, with_earlier_run(project, request, from_run))
    say_findings(prepared.warnings)
    policy = iam_policy(project, prepared)
    say_notes([*prepared.notes, *policy.notes])
    result_json(policy.document)


def action_text(found: ActionView) -> str:
    """Describe an action for a terminal."""
    parts = [f"{found.name}: {found.summary}"]
    if found.description:
        parts.append(found.description)
    parts.append(
        f"kind: {found.kind} · in doubt: settled by {found.effect} · can be undone: {'yes' if found.reverts else 'no'}"
        f" · from {found.origin} {found.version}".rstrip()
    )
    if found.duration:
        parts.append(f"takes: {found.duration}")
    if found.aws_reads:
        besides = (*found.aws_writes, *found.aws_permissions)
        parts.append(f"AWS operations: to check {_list(found.aws_reads)}; to apply, besides: {_list(besides)}")
    if found.tested:
        parts.append(f"tested with: {'; '.join(found.tested)} (not AWS itself)")
    for title, fields in (("Parameters", found.params), ("Outputs", found.outputs)):
        if fields:
            parts.append(f"{title}:\n{_fields(fields)}")
    if found.example:
        parts.append("Example:\n" + "\n".join(f"  {line}" for line in found.example.rstrip().splitlines()))
    return "\n\n".join(parts)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"


def _fields(fields: tuple[ParameterView, ...]) -> str:
    rows = [(f"  {field.name}", field.type, _default(field), field.description) for field in fields]
    return table(("  name", "type", "default", "meaning"), rows, columns=columns_of(sys.stdout))


def _default(field: ParameterView) -> str:
    return "required" if field.required else "" if field.default is None else json.dumps(field.default)
