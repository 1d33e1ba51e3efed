"""A PostgreSQL server and its standby, a real streaming replica that confirms each commit."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from runbook_engine.journals.address import open_database
from runbook_engine.journals.sql_rights import Roles


class Pair:
    """A primary with a journal, and its standby; made anew for each test, since the primary is going to be lost.

    Args:
        kind: class of a server, from the contract tests of journals.
    """

    def __init__(self, kind, user):
        self.user, self.binaries = user, Path(kind.binaries)
        self.folder, self.standby_folder = self._room(), self._room()
        self.primary = kind(self.folder, user)
        self.database = self.primary.new_database()
        copy = ("-h", self.folder, "-U", "runbook", "-D", f"{self.standby_folder}/data", "-c", "fast")
        self._do("pg_basebackup", *copy, "-R", "-X", "stream")
        options = f"-c listen_addresses='' -k {self.standby_folder} -c fsync=off"
        log = f"{self.standby_folder}/log"
        self._do("pg_ctl", "-D", f"{self.standby_folder}/data", "-w", "-l", log, "-o", options, "start")
        self.primary.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.sql("postgres", "SELECT pg_reload_conf()")
        database = open_database(self.url("journal_owner"), project=Path(self.folder))
        database.make(Roles(("journal_app",), ("journal_reader",)))
        database.close()

    def url(self, role="journal_app"):
        hosts = f"{self.folder},{self.standby_folder}"
        return f"postgresql://{role}@/{self.database}?host={hosts}&target_session_attrs=read-write"

    def lose_the_primary(self):
        self.primary.stop()

    def promote(self):
        self._do("pg_ctl", "-D", f"{self.standby_folder}/data", "-w", "promote")

    def stop(self):
        self._do("pg_ctl", "-D", f"{self.standby_folder}/data", "-w", "-m", "immediate", "stop")
        for folder in (self.folder, self.standby_folder):
            shutil.rmtree(folder)

    def _room(self):
        folder = tempfile.mkdtemp(prefix="rbpg")
        if self.user is not None:
            os.chown(folder, self.user, -1)
        return folder

    def _do(self, program, *arguments):
        argv = [self.binaries / program, *arguments]
        subprocess.run(argv, check=True, user=self.user, stdout=subprocess.DEVNULL, cwd="/", timeout=60)
