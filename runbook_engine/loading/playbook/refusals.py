"""What would do something else here than in Ansible, and look as if it did the same: refused, or told."""

import json
import re
from collections.abc import Iterator, Mapping

from runbook_engine.expressions.references import check_syntax
from runbook_engine.loading.playbook.remarks import CannotConvertError
from runbook_engine.model.json import JsonValue

_PER_HOST = re.compile(r"\b(?:inventory_hostname(?:_short)?|ansible_host|group_names|ansible_port|target)\b")
_BARE = ("when", "loop")
# What the outputs of an action have in common with what Ansible registers of the module.
_SAME_OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "command.run": ("stdout", "stderr"),
    "script.run": ("stdout", "stderr"),
    "file.copy": ("dest",),
    "file.template": ("dest",),
}

LOST = {
    "changed_when": "is left out: a step has changed something when it was applied",
    "notify": "is left out, as are handlers",
    "poll": "is left out: commands survive the connection anyway",
    "check_mode": "is left out: a dry run is `runbook run --dry-run`",
    "connection": "is left out: how a host is reached stands in the inventory (ansible_connection)",
    "remote_user": "is left out: who logs in stands in the inventory (ansible_user)",
    "user": "is left out: who logs in stands in the inventory (ansible_user)",
    "port": "is left out: it stands in the inventory (ansible_port)",
    "become_method": "is left out: `become` uses what the inventory says",
    "become_flags": "is left out: `become` uses what the inventory says",
    "become_exe": "is left out: `become` uses what the inventory says",
    "module_defaults": "is left out: write the arguments into the steps",
    "ignore_unreachable": "is left out: a host that is not reached fails its step; on_failure says what then",
}
"""Words of a task, or of the play around it, that have no counterpart, and what is to be known of that."""


def refuse_other_meanings(words: Mapping[str, object], hosts: str) -> None:
    """Refuse a task whose words, its play's included, would do something else here."""
    if words.get("check_mode") is True:
        raise CannotConvertError("`check_mode: true` changes nothing, and a step would")
    environment = words.get("environment")
    if environment is not None and not isinstance(environment, dict):
        raise CannotConvertError("`environment` is no mapping of names")
    if words.get("delegate_to") is not None and hosts != "localhost":
        named = _PER_HOST.search(json.dumps({**words, "delegate_to": ""}, default=str))
        if named:
            text = f"it runs on {words['delegate_to']} for each host of {hosts}, which it names ({named[0]})"
            raise CannotConvertError(text)


def refuse_bad_templates(step: Mapping[str, JsonValue]) -> None:
    """Refuse what no template of a runbook can hold: filters, tests and functions that only Ansible has."""
    rest = {word: value for word, value in step.items() if word not in {*_BARE, "retry", "assert.that"}}
    problems = check_syntax(rest)
    for text in bare_texts(step):
        problems += check_syntax(text, bare=True)
    if isinstance(step.get("loop"), list):
        problems += check_syntax(step["loop"])
    if problems:
        raise CannotConvertError(f"a template of a runbook can't say that: {problems[0].message}")


def uses(name: str, step: Mapping[str, JsonValue]) -> bool:
    """Tell whether a step's expressions speak of a name."""
    return any(re.search(rf"\b{re.escape(name)}\b", text) for text in _expressions(step))


def refuse_other_outputs(name: str, action: str, step: Mapping[str, JsonValue]) -> None:
    """Refuse to ask a result for what the step's action does not leave behind."""
    same = _SAME_OUTPUTS.get(action, ())
    good = rf"\s*\.\s*(?:{'|'.join(same)})\b|\s+is\s+(?:not\s+)?defined" if same else r"\s+is\s+(?:not\s+)?defined"
    for text in _expressions(step):
        if other := re.search(rf"\b{re.escape(name)}\b(?!{good})[\w.\[\]'\"]*", text):
            told = " and ".join(f"`{one}`" for one in same) or "nothing of that"
            raise CannotConvertError(f"it asks for {other[0]}; the outputs of {action} have {told}")


def bare_texts(step: Mapping[str, JsonValue]) -> Iterator[str]:
    """Give the texts that are expressions without braces."""
    retry, facts = step.get("retry"), step.get("assert.that")
    found: list[JsonValue] = [step.get(word) for word in _BARE]
    found += [retry.get("until")] if isinstance(retry, dict) else []
    that = facts.get("that") if isinstance(facts, dict) else None
    found += that if isinstance(that, list) else []
    yield from (text for text in found if isinstance(text, str))


def _expressions(step: Mapping[str, JsonValue]) -> Iterator[str]:
    yield from bare_texts(step)
    text = json.dumps(step, ensure_ascii=False, default=str)
    for begin, end in (("{{", "}}"), ("{%", "%}")):
        at = 0
        # By `find`, because a pattern would look from each beginning to the end of the text.
        while (start := text.find(begin, at)) >= 0 and (stop := text.find(end, start + 2)) >= 0:
            yield text[start : stop + 2]
            at = stop + 2
