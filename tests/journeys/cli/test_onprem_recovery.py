"""onprem-app-recovery from end to end, over a real sshd with a real PostgreSQL and an app that serves from it; its guide."""

import getpass
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from support.sshd import SSHD, start_sshd

REPOSITORY = Path(__file__).parents[3]
POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
pytestmark = [
    pytest.mark.sshd,
    pytest.mark.skipif(SSHD is None, reason="no sshd: install openssh-server"),
    pytest.mark.skipif(POSTGRES is None, reason="no PostgreSQL: install postgresql"),
]
PASSWORD = "hush-hush-onprem"
APP = """\
import http.server, subprocess, sys
config = dict(line.split("=", 1) for line in open(sys.argv[1]).read().splitlines() if "=" in line)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        count = subprocess.run(config["count"], shell=True, capture_output=True, text=True).stdout.strip()
        self.send_response(200 if count == "3" and config["database.password"] else 500)
        self.end_headers()
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(config["server.port"])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def postgres():
    spec = spec_from_file_location("journals_conftest", REPOSITORY / "tests/contract/journals/conftest.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    server = module.start_postgres()
    yield server
    server.stop()
    shutil.rmtree(server.folder)


class Site:
    """A customer's server: sshd, database, backups, and the app once it was restored."""

    def __init__(self, runbook, top, server, postgres):
        self.runbook, self.top, self.postgres = runbook, top, postgres
        self.folder, self.pid = top / "opt" / "reviews", top / "app.pid"
        (top / "opt").mkdir()
        options = f"--host={postgres.folder} --username=runbook"
        bins = str(POSTGRES)
        self.psql = [f"{bins}/psql", "-h", postgres.folder, "-U", "runbook", "-tAc"]
        dump, archive = top / "reviews.dump", top / "app.tar.gz"
        self.sql("postgres", "CREATE DATABASE origin")
        self.sql("origin", "CREATE TABLE reviews AS SELECT generate_series(1, 3) AS id")
        argv = [f"{bins}/pg_dump", "-Fc", "-h", postgres.folder, "-U", "runbook", "-f", dump, "origin"]
        subprocess.run(argv, check=True)
        (top / "serve.py").write_text(APP)
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(top / "serve.py", "app/serve.py")
        self.database = f"reviews_{os.getpid()}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = top / "app.properties"
        start = f"setsid {sys.executable} {self.folder}/serve.py {config} >/dev/null 2>&1 & echo $! >{self.pid}"
        stop = f"kill $(cat {self.pid}) 2>/dev/null"
        self.variables = {
            **server.target().variables,
            "app_archive": str(archive),
            "app_archive_sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
            "app_archive_strip": 1,
            "app_folder": str(self.folder),
            "app_config": str(config),
            "app_settings": {
                "server.port": port,
                "count": f"{bins}/psql -tA {options} -d {self.database} -c 'select count(*) from reviews'",
            },
            "app_start": start,
            "app_restart": f"{stop}; {start}",
            "app_running": f"kill -0 $(cat {self.pid} 2>/dev/null)",
            "app_health_url": f"http://127.0.0.1:{port}/health",
            "database_name": self.database,
            "database_table": "reviews",
            "database_options": options,
            "database_dump": str(dump),
            "database_dump_sha256": hashlib.sha256(dump.read_bytes()).hexdigest(),
            "database_password_from": "file:secrets/password",
        }
        self.home = top / "home"
        (self.home / ".ssh").mkdir(parents=True, mode=0o700)
        (self.home / ".ssh" / "known_hosts").write_text(server.known_hosts.read_text())
        runbook.write("secrets/password", PASSWORD).chmod(0o600)
        for name in ("onprem-app-recovery.yml", "files/onprem/app.properties.j2"):
            runbook.write(f"runbooks/{name}", (REPOSITORY / "runbooks" / name).read_text())
        people = (runbook.root / "team.yml").read_text()
        runbook.write("team.yml", people.replace("roles:\n", "roles:\n  support: {}\n", 1))
        self.inventory()

    def inventory(self, **changes):
        hosts = {"app": {"hosts": {"server": {}}}, "database": {"hosts": {"server": {}}}}
        inventory = {"all": {"vars": {**self.variables, **changes}, "children": hosts}}
        self.runbook.write("site.yml", json.dumps(inventory))

    def sql(self, database, text):
        done = subprocess.run([*self.psql, text, database], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def run(self, *words):
        path = f"{POSTGRES}:{os.environ['PATH']}"
        return self.runbook("run", "onprem-app-recovery", "-i", "site.yml", *words, HOME=str(self.home), PATH=path)

    def outcomes(self):
        report = self.runbook("report", "last", "--format", "json").json
        return {step["id"]: step["outcome"] for step in report["steps"]}

    def close(self):
        if self.pid.exists():
            os.kill(int(self.pid.read_text()), signal.SIGKILL)
        for database in ("origin", self.database):
            self.sql("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


@pytest.fixture
def site(runbook, tmp_path, postgres):
    # The host's shell finds psql where Debian's server package has it.
    (tmp_path / "sshd").mkdir()
    server = start_sshd(tmp_path / "sshd")
    made = Site(runbook, tmp_path, server, postgres)
    made.inventory(ansible_user=getpass.getuser())
    yield made
    made.close()
    server.stop()


def test_it_is_brought_back_and_the_second_run_changes_nothing(site):
    dry = site.run("--dry-run")
    assert dry.status == 0, dry.out[-2500:] + dry.err[-2500:]
    assert not site.folder.exists()
    assert site.sql("postgres", f"select count(*) from pg_database where datname = '{site.database}'") == "0"

    first = site.run("--yes")
    assert first.status == 0, first.out[-2500:] + first.err[-2500:]
    changed = {name for name, outcome in site.outcomes().items() if outcome == "changed"}
    assert changed == {"install", "database", "restore", "configure", "restart"}
    assert site.sql(site.database, "select count(*) from reviews") == "3"
    assert f"database.password={PASSWORD}" in (site.top / "app.properties").read_text()

    second = site.run("--yes", "-e", "least_rows=3")
    assert second.status == 0, second.err
    assert set(site.outcomes().values()) == {"unchanged", "skipped"}
    assert PASSWORD not in first.out + first.err + second.out + second.err

    short = site.run("--yes", "-e", "least_rows=4")
    assert short.status == 1
    assert "fewer rows than there must be" in short.out + short.err

    (site.top / "reviews.dump").write_bytes(b"other")
    damaged = site.run("--yes")
    assert damaged.status == 1
    assert "the dump is missing or damaged" in damaged.out + damaged.err


def test_its_guide_says_every_step_and_no_secret(site):
    guide = site.runbook("guide", "onprem-app-recovery").out
    page = site.runbook("guide", "onprem-app-recovery", "--format", "html").out
    source = (REPOSITORY / "runbooks" / "onprem-app-recovery.yml").read_text()
    assert guide.count("\n### ") == source.count("\n  - id: ") == page.count("<h3>")
    for name in site.variables:
        if name.startswith(("app_", "database_")) and name not in {"app_settings", "database_password_from"}:
            assert f"«{name}»".replace("_", "\\_") in guide, name
    assert "pg_restore --exit-on-error" in guide
    assert "{{" not in guide + page
    assert PASSWORD not in guide + page
    assert "the secret database_password_from" in guide
    assert "http" not in page.replace("http.check", "")  # it needs nothing from elsewhere
