"""http.check: a web address answers as it should."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.http_probe import HttpProbe, Interval, look_by_http
from runbook_engine.sdk import Action, ActionContext, Finding, Outputs, satisfied, unsatisfied


class HttpCheckParams(HttpProbe, Interval):
    """What to ask, what to expect, how often in a row."""


class HttpCheckOutputs(Outputs):
    """What the last answer was."""

    status: int = Field(0, description="its HTTP status")
    seconds: float = Field(0.0, description="how long it took, in seconds")


class HttpCheck(Action[HttpCheckParams]):
    """Verify that a web address answers as it should.

    check: asks by GET or HEAD and compares status, headers, JSON values, body and certificate; all that is wrong is
    told at once. With `in_a_row` every one of the answers must be good; the first bad one ends it.
    It never changes anything; to wait until the address answers, use `retry` or wait.until.
    """

    name = "http.check"
    Params = HttpCheckParams
    Outputs = HttpCheckOutputs
    example: ClassVar[str] = """\
http.check:
  url: https://app.example.com/health
  status: 200
  json: {db: ok}
  tls_min_days: 14
  in_a_row: 3
"""

    def check(self, params: HttpCheckParams, context: ActionContext) -> Finding:
        """Ask, as often in a row as wanted."""
        seconds = 0.0
        status = 0
        for number in range(1, params.in_a_row + 1):
            look = look_by_http(params, context)
            if look.problems or look.answer is None:
                good = f" (after {number - 1} good answers)" if number > 1 else ""
                return unsatisfied(f"{params.url}: {'; '.join(look.problems)}{good}", evidence=look.evidence)
            seconds, status = look.answer.seconds, look.answer.status
            if number < params.in_a_row:
                context.progress(f"{number} of {params.in_a_row} good answers in a row")
                context.pause(params.interval.total_seconds())
        times = f", {params.in_a_row} times in a row" if params.in_a_row > 1 else ""
        return satisfied(
            f"{params.url} answers {status} as it should{times}",
            outputs={"status": status, "seconds": round(seconds, 3)},
            evidence=look.evidence,
        )
