"""runbook explain: what a rule of `validate` asks for, and why."""

import sys
import textwrap

import click

from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import output_option
from runbook_engine.cli.terminal import columns_of, result, result_json, table
from runbook_engine.model.errors import UsageError
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.model.rule import Rule
from runbook_engine.model.rules import RULES


@documented
@click.argument("rule", required=False)
@output_option("text", "json")
def explain(rule: str | None, output: str) -> None:
    """Say what a rule of `runbook validate` asks for, and why; without RULE, list them all.

    Examples:
      runbook explain RB104
      runbook explain --output json | jq -r '.[].id'
    """
    chosen = [RULES[name] for name in sorted(RULES)] if rule is None else [_rule(rule)]
    if output == "json":
        told = [_as_json(one) for one in chosen]
        result_json(told if rule is None else told[0])
    elif rule is None:
        result(
            table(
                ("rule", "severity", "what it asks for"),
                [(one.id, one.severity.value, one.title) for one in chosen],
                columns=columns_of(sys.stdout),
            )
        )
    else:
        (one,) = chosen
        result(f"{one.id} ({one.severity.value}): {one.title}\n\n{textwrap.dedent(one.text)}")


def _rule(name: str) -> Rule:
    found = RULES.get(name.strip().upper())
    if found is None:
        hint = did_you_mean(name.upper(), RULES) or "`runbook explain` lists them"
        raise UsageError(f"there is no rule {name!r}", hint=hint)
    return found


def _as_json(rule: Rule) -> dict[str, str]:
    return {"id": rule.id, "severity": rule.severity.value, "title": rule.title, "text": rule.text}
