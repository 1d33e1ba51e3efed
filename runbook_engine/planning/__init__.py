"""From a runbook, an inventory and inputs to a plan: targets, edges, order, fingerprint, lint."""
