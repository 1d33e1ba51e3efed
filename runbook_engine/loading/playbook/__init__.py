"""Turns an Ansible playbook into a runbook, as far as that can be done honestly; what can't be is left to a person."""
