"""The demo: a cloud region dies, and region-failover moves the app to the standby region. Checks what it promises."""

from __future__ import annotations

import argparse
import email
import email.policy
import json
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from lookups import aws_requests, aws_writes, deployments, get_json, mails_to, name_leads_to
from stage import ROOT, RUNBOOK, DemoError, environment_for, process, runbook, running_lab

from runbook_engine.lab.client import LabAddresses
from runbook_engine.lab.errors import LabError

INCIDENT = "OPS-1042"
CUSTOMERS = "customers@lists.example.com"
RTO, RPO = timedelta(minutes=60), timedelta(minutes=15)
PRIVATE = 0o700
INTERRUPTED = 130
ENDED_WELL = {"unchanged", "changed", "skipped"}


def main() -> int:
    """Give the demo; exit code 0 when everything was as promised, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--state", type=Path, default=ROOT / ".demo", help="folder for the lab, the journal, the report"
    )
    state = parser.parse_args().state.absolute()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    began = time.monotonic()
    try:
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(PRIVATE)
        for old in state.glob("journal.db*"):
            old.unlink()
        title(1, "The lab: two emulated AWS regions, an app, status pages, mail. The primary region is down.")
        with running_lab(state, broken_region="us-east-1") as lab:
            Demo(lab, state).give()
    except (DemoError, LabError, OSError) as error:
        sys.stderr.write(f"\nNOT AS PROMISED: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; everything that was started is ended\n")
        return INTERRUPTED
    say(f"\nAll as promised, in {time.monotonic() - began:.0f} s. The report: {state / 'report.html'}")
    return 0


class Demo:
    """What happens on the stage, in order."""

    def __init__(self, lab: LabAddresses, state: Path) -> None:
        self._lab = lab
        self._state = state
        self._environment = environment_for(lab, state)
        addresses = state / "inventory.yml"  # the lab writes it
        manifest = json.loads(lab.snapshot_manifest.read_bytes())["content_sha256"]
        inputs = ["-e", f"incident={INCIDENT}", "-e", f"manifest_sha256={manifest}"]
        self._run = ["run", "region-failover", "-i", "demo", "-i", str(addresses), *inputs]

    def give(self) -> None:
        """Give the whole demo."""
        say(f"    cloud {self._lab.aws_endpoint}, status pages {self._lab.status_url}")
        self._expect_down()
        title(2, "Is every file of the project in order?")
        self._runbook("validate")
        self._dry_run()
        first = self._live_run(4, "The real thing. The engine works, and waits for the director.")
        self._expect_recovered(first)
        self._evidence(first)
        self._second_run()

    def _expect_down(self) -> None:
        for name, app in self._lab.apps.items():
            if app.region == self._lab.primary_region:
                try:
                    get_json(f"{app.url}/health")
                except OSError:
                    continue
                raise DemoError(f"{name} of the region that is down still answers")
        say(f"    {self._lab.app_name} leads to {self._leads_to()}, where nothing answers")

    def _dry_run(self) -> None:
        title(3, "The rehearsal: what would be done, and how much of it can be proven? Nothing is touched.")
        before = aws_requests(self._lab)
        self._runbook(*self._run, "--dry-run")
        asked = aws_requests(self._lab) - before
        writes = aws_writes(self._lab, before)
        check(asked > 0, f"{asked} requests went to the cloud")
        check(not writes, "none of them changes anything", f"it wrote: {', '.join(writes)}")
        check(not mails_to(self._lab, CUSTOMERS), "no customer got mail")
        check(not any(deployments(self._lab).values()), "nothing was deployed")

    def _live_run(self, number: int, words: str) -> str:
        """Run for real; a second process plays the director. Gives the run's id."""
        title(number, words)
        arguments = [*self._run, "--yes", "--wait"]
        say(f"    $ runbook {shlex.join(arguments)}")
        earlier = self._newest_run()
        with process([*RUNBOOK, *arguments], self._environment) as engine:
            run, question = self._wait_for_gate(engine, earlier)
            self._approve(run, question)
            code = engine.wait()
        if code:
            raise DemoError(f"the run {run} ended with exit code {code}")
        return run

    def _wait_for_gate(self, engine: subprocess.Popen[Any], earlier: str | None) -> tuple[str, str]:
        """Watch the journal from outside, as the director's terminal does; gives the run and what is asked."""
        while engine.poll() is None:
            run = self._newest_run()
            if run is not None and run != earlier:
                asked = [event["message"] for event in self._events(run) if event["kind"] == "gate.opened"]
                if asked:
                    return run, asked[0]
            time.sleep(0.2)
        raise DemoError(f"the run ended with exit code {engine.returncode} before it asked the director")

    def _newest_run(self) -> str | None:
        listed = json.loads(runbook(self._environment, "runs", "--output", "json", show=False) or "[]")
        return listed[0]["id"] if listed else None

    def _approve(self, run: str, question: str) -> None:
        say(f"\n    Dana, the director, is asked at another terminal:\n    {question}")
        reason = "the region is gone, and nobody knows for how long"
        self._runbook("approve", run, "declare", "--as", "dana", "--reason", reason)

    def _expect_recovered(self, run: str) -> None:
        title(5, "Has it worked? What the journal, the customers and the names say.")
        self._runbook("status", run)
        health = get_json(f"{self._lab.apps['standby-1'].url}/health")
        say(f"    GET {self._lab.apps['standby-1'].url}/health\n    {json.dumps(health)}")
        expected = {"status": "ok", "db": "ok", "reviews": 500, "region": self._lab.standby_region}
        check(expected.items() <= health.items(), "the app answers from the standby region, with the restored data")
        check("standby" in self._leads_to(), f"{self._lab.app_name} leads to {self._leads_to()}")
        mails = mails_to(self._lab, CUSTOMERS)
        check(len(mails) == 1, "customers got one mail")
        say("\n" + indented(readable(mails[0])))
        check(set(deployments(self._lab).values()) == {1}, "each standby host was deployed to once")
        restores = aws_writes(self._lab).count("rds:RestoreDBInstanceFromDBSnapshot")
        check(restores == 1, "the database was restored once")
        bad = [task for task, outcome in self._outcomes(run).items() if outcome not in ENDED_WELL]
        check(not bad, "every step ended well", f"did not end well: {', '.join(bad)}")
        closed = self._events(run)[-1]
        recovered, lost = timedelta(seconds=round(closed["rta"])), timedelta(seconds=round(closed["rpa"]))
        check(recovered <= RTO, f"recovered {recovered} after the disaster was declared (objective: {RTO})")
        check(lost <= RPO, f"what was written in the last {lost} is lost (objective: {RPO})")

    def _evidence(self, run: str) -> None:
        title(6, "The evidence: the report, and is the journal intact?")
        for form in ("html", "md"):
            self._runbook("report", run, "--format", form, "-o", str(self._state / f"report.{form}"))
        self._runbook("audit", "verify")

    def _second_run(self) -> None:
        before, mails = aws_requests(self._lab), len(mails_to(self._lab, CUSTOMERS))
        run = self._live_run(7, "Once more: what is as it should be stays as it is.")
        outcomes = self._outcomes(run)
        say(f"    {', '.join(f'{count} {outcome}' for outcome, count in Counter(outcomes.values()).items())}")
        changed = {task for task, outcome in outcomes.items() if outcome != "unchanged"}
        mail_only = {"notify-customers@localhost", "notify-team@localhost"}
        told = f" but for {', '.join(sorted(changed))}: the mail of this run" if changed else ""
        others = changed - mail_only
        check(not others, f"unchanged, everywhere{told}", f"not unchanged: {', '.join(sorted(others))}")
        writes = aws_writes(self._lab, before)
        check(not writes, "nothing in the cloud was changed", f"it wrote: {', '.join(writes)}")
        check(len(mails_to(self._lab, CUSTOMERS)) == mails, "customers were not mailed again")
        check(set(deployments(self._lab).values()) == {1}, "nothing was deployed again")

    def _outcomes(self, run: str) -> dict[str, str]:
        """Give the outcome of each task of a run."""
        words = {"task.skipped": "skipped", "task.blocked": "blocked"}
        events = [event for event in self._events(run) if event["kind"] in {"attempt.finished", *words}]
        return {event["task"]: words.get(event["kind"]) or event["outcome"] for event in events}

    def _events(self, run: str) -> list[dict[str, Any]]:
        said = runbook(self._environment, "audit", "log", run, "--output", "json", show=False)
        return [stored["event"] for stored in json.loads(said)]

    def _runbook(self, *arguments: str) -> None:
        say(f"    $ runbook {shlex.join(arguments)}")
        runbook(self._environment, *arguments)

    def _leads_to(self) -> str:
        return name_leads_to(self._lab, self._lab.app_name)


def title(number: int, text: str) -> None:
    """Say what comes next."""
    say(f"\n{number}. {text}\n")


def check(good: bool, promise: str, problem: str = "") -> None:
    """Say that a promise is kept; end the demo when it is not."""
    if not good:
        raise DemoError(problem or f"not so: {promise}")
    say(f"    ok: {promise}")


def readable(message: Path) -> str:
    """Give a mail as its reader sees it."""
    mail = email.message_from_bytes(message.read_bytes(), policy=email.policy.default)
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return f"To: {mail['To']}\nSubject: {mail['Subject']}\n\n{text}"


def indented(text: str) -> str:
    """Set a text off from what the demo says."""
    return "".join(f"    | {line}\n" for line in text.splitlines())


def say(text: str) -> None:
    """Print a line at once, in order with what the commands print."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
