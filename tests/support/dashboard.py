"""A dashboard that is really served: on a socket of its own, by threads of this process."""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from runbook_engine.app.project import open_project
from runbook_engine.web.desk import Desk
from runbook_engine.web.security.tokens import new_token
from runbook_engine.web.server import DashboardServer, listen
from runbook_engine.web.settings import Settings

TEAM = """\
roles: {director: {}, engineering: {}}
people:
  dana: {name: Dana, roles: [director]}
  eli: {name: Eli, roles: [engineering]}
  vera: {name: Vera}
"""


@dataclass(frozen=True)
class Stage:
    """A served dashboard of a project."""

    root: Path
    url: str
    desk: Desk
    server: DashboardServer

    def browser(self, **headers):
        """Give a client that says where it comes from, as a browser does, and nobody is logged in with."""
        return httpx.Client(base_url=self.url, headers={"origin": self.url, **headers}, timeout=60)

    @contextlib.contextmanager
    def login(self, person):
        """Give a client that a person is logged in with."""
        with self.browser() as client:
            answer = client.post("/login", data={"token": new_token(self.root, person)})
            assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
            yield client

    def csrf(self, client):
        """Give what forms of the client's session carry."""
        return self.desk.sessions.find(client.cookies[self.desk.settings.cookie], used=False).csrf

    def say(self, client, path, **form):
        """Post a form as our pages do."""
        return client.post(path, data={"csrf": self.csrf(client), **form})


@contextlib.contextmanager
def served(root, *, now=time.monotonic, journal=None, **settings):
    """Serve a project's dashboard until the block ends."""
    project = open_project(root)
    project.journal(create=True).close()
    taken = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    desk = Desk(project, Settings(origins=(url,), **settings), journal=journal, now=now)
    server = DashboardServer(desk, taken)
    server.start()
    try:
        yield Stage(Path(root), url, desk, server)
    finally:
        server.stop()
        server.wait()
        desk.close()
