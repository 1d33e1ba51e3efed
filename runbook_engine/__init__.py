"""Disaster recovery that runs: declarative runbooks, executed with checkpoints, dry-run and an audit trail."""


def version() -> str:
    """Give the version of the installed package."""
    from importlib.metadata import version as installed

    return installed("runbook-engine")
