"""How long to wait before a failed attempt is made again; pure."""

import random

from runbook_engine.model.runbook import Retry


def delay_before(retry: Retry, attempt: int, *, seed: str) -> float:
    """Give the seconds to wait before an attempt.

    Args:
        attempt: number of the attempt to come, from 2.
        seed: what the jitter is drawn from, so that a replay waits as long as the run did.
    """
    try:
        delay = retry.delay.total_seconds() * retry.backoff ** (attempt - 2)
    except OverflowError:
        delay = retry.max_delay.total_seconds()
    delay = min(delay, retry.max_delay.total_seconds())
    if retry.jitter:
        share = random.Random(f"{seed}/{attempt}").uniform(-retry.jitter, retry.jitter)  # noqa: S311 - not a secret
        delay *= 1 + share
    return max(0.0, delay)
