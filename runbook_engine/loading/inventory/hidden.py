"""Shows variables without what was decrypted: encrypted again as Ansible does, or as a mark."""

from collections.abc import Iterable, Mapping

from runbook_engine.model.json import JsonObject, JsonValue

MARK = "[redacted]"
_SHORTEST_PART = 4  # letters of shorter ones are everywhere by chance


def hidden(variables: JsonObject, secrets: Mapping[str, str]) -> JsonObject:
    """Give variables to show: a decrypted value as `__ansible_vault`, other text that holds one with a mark in it."""
    if not secrets:
        return variables
    return {name: _hidden(value, secrets) for name, value in variables.items()}


def without_parts(text: str, secrets: Iterable[str]) -> str:
    """Give a text with a mark in the place of everything that was decrypted."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_PART and secret in text:
            text = text.replace(secret, MARK)
    return text


def _hidden(value: JsonValue, secrets: Mapping[str, str]) -> JsonValue:
    if isinstance(value, str):
        if value in secrets:
            return {"__ansible_vault": secrets[value]} if secrets[value] else MARK
        return without_parts(value, secrets)
    if isinstance(value, Mapping):
        return {key: _hidden(one, secrets) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(one, secrets) for one in value]
    return MARK if not isinstance(value, bool) and str(value) in secrets else value
