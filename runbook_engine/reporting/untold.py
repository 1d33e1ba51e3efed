"""Whom a run told nothing of what it promised, and what a dry run found that could not be sent."""

from collections.abc import Iterator
from itertools import groupby

from runbook_engine.model.report import RunReport
from runbook_engine.model.report_messages import MessageReport


def untold(report: RunReport) -> Iterator[tuple[str, str]]:
    """Give audiences that a reader must not take for told, each with the reason."""
    for shown in report.shown_messages:
        if shown.problem:
            yield shown.audience, f"{shown.what}, {shown.channel}: could not be sent: {shown.problem}"
    messages = sorted(report.messages, key=_audience)
    for audience, group in groupby(messages, key=_audience):
        owed = list(group)
        reasons = [one.missed for one in owed if one.missed]
        if any(one.sent_at is not None for one in owed):
            continue
        tries = [one.failed for one in owed if one.failed]
        if reasons:
            yield audience, f"was told nothing: every promised message was missed: {reasons[-1]}"
        elif tries:
            yield audience, f"was told nothing so far: {tries[-1]}"
        elif report.closed_at is not None:
            yield audience, "was told nothing: a message was owed, and it is not recorded that it was sent"


def _audience(message: MessageReport) -> str:
    return message.audience
