"""A project whose targets are served by workers, each a process of its own, over one real PostgreSQL server."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

INVENTORY = """\
all:
  children:
    east: {vars: {queue: us-east-1, ansible_connection: local}, hosts: {e1: {}, e2: {}}}
    west: {vars: {queue: eu-west-1, ansible_connection: local}, hosts: {w1: {}, w2: {}}}
"""
PATIENCE = 180.0  # seconds after which a test gives up waiting for what has to come


class Fleet:
    """Starts and ends workers and control processes; `ledger` is what the targets' side counts."""

    def __init__(self, runbook, postgres) -> None:
        self.runbook = runbook
        self.postgres = postgres
        self.database = postgres.new_database()
        self.root: Path = runbook.root
        self.url = postgres.url(self.database)
        self.processes: list[subprocess.Popen] = []
        runbook.write("inventories/two.yml", INVENTORY)
        config = (self.root / "runbook.toml").read_text()
        kept = [line for line in config.splitlines() if not line.startswith("journal")]
        runbook.write("runbook.toml", "\n".join([f'journal = "{self.url}"', *kept]) + "\n")

    def book(self, text: str) -> None:
        """Write the runbook `book`; ROOT stands for the project's folder."""
        self.runbook.write("runbooks/book.yml", text.replace("ROOT", str(self.root)))

    def worker(self, *queues: str, root: Path | None = None, ready: bool = True, **environment: str):
        """Start a worker; it is ready when this comes back."""
        words = [word for queue in queues for word in ("--queue", queue)]
        process = self._start("worker", *words, root=root, **environment)
        if ready:
            self.wait(lambda: "serves" in self.said(process) or process.poll() is not None)
        return process

    def control(self, *words: str, **environment: str):
        """Start a process that advances a run."""
        return self._start(*words, **environment)

    def said(self, process) -> str:
        """Give what a process said so far."""
        return Path(process.log).read_text(errors="replace")

    @property
    def ledger(self) -> list[str]:
        path = self.root / "ledger"
        return sorted(path.read_text().split()) if path.exists() else []

    def role_of_a_worker(self) -> str:
        """Make a role with the rights of a worker and no more; give its address of the journal."""
        name = f"worker_{self.database}"
        self.postgres.sql(self.database, f"CREATE ROLE {name} LOGIN")
        made = self.runbook("journal", "init", "--worker-role", name)
        assert made.status == 0, made.err
        return self.url.replace("//runbook@", f"//{name}@")

    def sql(self, query: str, url: str = "") -> list:
        import psycopg

        with psycopg.connect(url or self.url) as connection:
            return connection.execute(query).fetchall()

    def wait(self, until) -> None:
        """Wait until something is so."""
        end = time.monotonic() + PATIENCE
        while not until():
            assert time.monotonic() < end, self.everything()
            time.sleep(0.05)

    def ended(self, process) -> int:
        """Wait for a process's end; one that hangs is made to say where."""
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            process.wait()
            raise AssertionError(self.everything()) from None
        return process.returncode

    def everything(self) -> str:
        return "\n".join(f"--- {process.args[-3:]}\n{self.said(process)}" for process in self.processes)

    def close(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()

    def _start(self, *words: str, root: Path | None = None, **environment: str):
        log = self.root / f"log-{len(self.processes)}"
        with log.open("wb") as file:
            process = subprocess.Popen(
                self.runbook.argv(*words),
                cwd=root or self.root,
                env=self.runbook.environment(PYTHONFAULTHANDLER="1", **environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        process.log = os.fspath(log)
        self.processes.append(process)
        return process
