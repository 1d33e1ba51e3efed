"""Frozen values that every other part speaks in: runbook, inventory, plan, event, outcome, report."""
