"""The reference page of what of AWS is supported, and how each action was tested, from the action classes."""

from collections.abc import Iterator, Sequence

from runbook_engine.app.list_actions import ActionView
from runbook_engine.cli.reference_actions import cell, undone

_HEAD = """\
# What of AWS is supported

Each action with the operations it really calls, how long it typically takes (of experience, not measured here), whether
it can be undone, and what it was tested against. Written from the actions themselves.

None of them was tested against AWS itself. What was used in its place:

| tested with | means |
|---|---|
| moto | ran through boto3 against the emulator moto |
| ministack | ran through boto3 against the emulator ministack |
| moto, amended | against moto, made slow by the tests, or with what it lacks or does unlike AWS added |
| model | contract-tested against botocore's service model: a stateful fake written by the documentation, which \
checks every request and every answer for names, types, words and lengths |

An emulator is not AWS: try an action in a drill account before you need it.
"""


def aws_page(actions: Sequence[ActionView]) -> str:
    """Give the page: a table of the AWS actions."""
    head = "| action | to check it calls | to apply, besides | permissions besides | takes | undone | tested with |"
    rows = [_row(found) for found in actions if found.name.startswith("aws.")]
    return "\n".join([_HEAD, head, "|" + "---|" * 7, *rows]) + "\n"


def _row(found: ActionView) -> str:
    tested = "; ".join(found.tested)
    can = undone(found) if found.kind == "change" else "changes nothing"
    link = f"[{found.name}](actions.md#{found.name.replace('.', '')})"
    facts = (_lines(found.aws_reads), _lines(found.aws_writes), _lines(found.aws_permissions))
    return f"| {link} | {' | '.join(facts)} | {cell(found.duration)} | {can} | {tested} |"


def _lines(names: Sequence[str]) -> str:
    return "<br>".join(_names(names))


def _names(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield f"`{name}`"
