"""Which page answers to which path."""

PAGES = {
    "/": "runs",
    "/runs/{run}": "run",
    "/runs/{run}/live": "live",
    "/runbooks": "runbooks",
    "/runbooks/{name}": "runbook",
    "/compliance": "compliance",
    "/journal": "journal",
}
"""Module (in `web.pages`) by path."""
