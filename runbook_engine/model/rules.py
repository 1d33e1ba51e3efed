"""The table of all validation rules, and how a finding is made from one."""

from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.rule import Rule
from runbook_engine.model.rule_tables.inventory import INVENTORY_RULES
from runbook_engine.model.rule_tables.messages import MESSAGE_RULES
from runbook_engine.model.rule_tables.plugins import PLUGIN_RULES
from runbook_engine.model.rule_tables.project import PROJECT_RULES
from runbook_engine.model.rule_tables.queues import QUEUE_RULES
from runbook_engine.model.rule_tables.references import REFERENCE_RULES
from runbook_engine.model.rule_tables.runbook import RUNBOOK_RULES
from runbook_engine.model.rule_tables.safety import SAFETY_RULES
from runbook_engine.model.rule_tables.survival import SURVIVAL_RULES
from runbook_engine.model.rule_tables.yaml import YAML_RULES

# RB001-RB099 YAML, RB100-RB199 a runbook's structure, RB200-RB299 references, templates and actions,
# RB300-RB399 inventory, RB400-RB499 team and configuration.
RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        *YAML_RULES,
        *RUNBOOK_RULES,
        *REFERENCE_RULES,
        *SURVIVAL_RULES,
        *QUEUE_RULES,
        *MESSAGE_RULES,
        *SAFETY_RULES,
        *INVENTORY_RULES,
        *PROJECT_RULES,
        *PLUGIN_RULES,
    )
}


def diagnostic(rule: str, location: Location, message: str, hint: str = "") -> Diagnostic:
    """Make a finding of a rule (by its id) at a place; the rule decides how severe it is."""
    return Diagnostic(rule=rule, severity=RULES[rule].severity, message=message, location=location, hint=hint)
