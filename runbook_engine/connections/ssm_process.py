"""A shell on the other side of Systems Manager: started once, then looked at in steps that wait on the instance."""

import time

from runbook_engine.connections.capture import Capture, StopWatch
from runbook_engine.connections.ssm_session import Report, SsmSession
from runbook_engine.sdk import OnOutput

_START_WAIT = 2.0
_LONGEST_WAIT = 20.0


class SsmProcess:
    """See `Process` for what its methods mean."""

    def __init__(self, session: SsmSession, job: str, line: str, given: bytes, *, keep: int) -> None:
        self.stdout = Capture(keep)
        self.stderr = Capture(keep)
        self.exit_status: int | None = None
        self.gone = False
        self._session, self._job = session, job
        self._over = False
        self._unseen: Report | None = session.start(job, line, given, _START_WAIT)

    def pump(self, seconds: float, *, stop: bytes | None = None, on_output: OnOutput | None = None) -> bool:
        """Look until the shell ended, `stop` came, or the time is over; a look is never shorter than its round trip."""
        watch = StopWatch(stop) if stop is not None else None
        if watch is not None:
            watch.add(self.stdout.content())
        until = time.monotonic() + seconds
        while not self._over and not (watch is not None and watch.seen):
            report, self._unseen = self._unseen, None
            if report is None:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                report = self._look(min(left, _LONGEST_WAIT))
            self._take(report, watch, on_output)
        return True

    def _look(self, seconds: float) -> Report:
        return self._session.look(self._job, self.stdout.total, self.stderr.total, seconds)

    def _take(self, report: Report, watch: StopWatch | None, on_output: OnOutput | None) -> None:
        self.stdout.add(report.stdout)
        self.stderr.add(report.stderr)
        if watch is not None:
            watch.add(report.stdout)
        if on_output is not None and report.stdout:
            on_output("stdout", report.stdout)
        if on_output is not None and report.stderr:
            on_output("stderr", report.stderr)
        whole = self.stdout.total == report.stdout_size and self.stderr.total == report.stderr_size
        if report.over and whole:
            self._over = True
            self.exit_status = report.exit_status

    def close(self) -> None:
        """Stop looking; the shell may go on, and its folder goes with the session's."""
        if self._over:
            self._session.finish(self._job)
            self._over = False
