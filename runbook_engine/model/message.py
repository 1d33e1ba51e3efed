"""Whom a message of a runbook's communications goes to when it does not say so itself."""

from collections.abc import Sequence

from runbook_engine.model.json import JsonObject


def addressed(params: JsonObject, addressees: Sequence[str], audience: str) -> JsonObject:
    """Give a message's parameters with the audience of its block, unless they name somebody.

    Args:
        addressees: names of the parameters that say who gets it, the one that takes an audience first.
    """
    if not addressees or any(name in params for name in addressees):
        return params
    return {**params, addressees[0]: audience}
