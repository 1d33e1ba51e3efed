"""Expressions of a runbook: sandboxed Jinja2, references, secrets by reference, values known after apply."""
