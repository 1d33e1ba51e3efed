"""Serves git repositories over real HTTP: git's own http-backend behind Basic authentication, with faults to switch on."""

import base64
import gzip
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

BACKEND = next(
    (
        path
        for path in (Path("/usr/lib/git-core/git-http-backend"), Path("/usr/libexec/git-core/git-http-backend"))
        if path.exists()
    ),
    None,
)
AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_AUTHOR_DATE": "2026-11-01T10:00:00Z",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com", "GIT_COMMITTER_DATE": "2026-11-01T10:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip


def git(folder, *arguments, given=None):
    """Run git as a developer does."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        input=given,
        capture_output=True,
        text=True,
        env={**environment, **AUTHOR},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass
class GitFault:
    """Trouble for requests whose path matches: a status of its own, a redirect, a reset in the middle, or a wait."""

    where: str
    status: int = 0
    location: str = ""
    cut: int = -1
    hold: threading.Event | None = None
    times: int | None = None
    headers: dict = field(default_factory=dict)


@dataclass
class GitServer:
    """A running server; repositories lie in `folder` as `workspace/name.git`.

    Attributes:
        seen: method, path and Authorization header of each request, in order.
        holding: set once a request waits in a fault with `hold`.
    """

    folder: Path
    user: str
    token: str
    url: str = ""
    seen: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    holding: threading.Event = field(default_factory=threading.Event)

    def path(self, name):
        return self.folder / f"{name}.git"

    def make(self, name):
        """Make an empty repository that may be pushed to."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        git(self.folder, "init", "-q", "--bare", "-b", "main", str(path))
        git(path, "config", "http.receivepack", "true")
        return path

    def commit(self, name, files, branch="main", message="more", parent=True):
        """Make a commit on a branch, with these files alone."""
        path = self.path(name)
        entries = "".join(
            f"100644 blob {git(path, 'hash-object', '-w', '--stdin', given=text)}\t{file}\n"
            for file, text in files.items()
        )
        tree = _tree(path, entries)
        head = [line.split()[0] for line in git(path, "for-each-ref", f"refs/heads/{branch}").splitlines()]
        parents = ["-p", head[0]] if head and parent else []
        made = git(path, "commit-tree", tree, "-m", message, *parents)
        git(path, "update-ref", f"refs/heads/{branch}", made)
        return made

    def refs(self, name):
        """Give all references of a repository."""
        lines = git(self.path(name), "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)

    def remove(self, name):
        shutil.rmtree(self.path(name))

    def fault(self, where, **facts):
        self.faults.append(GitFault(where, **facts))


def _tree(path, entries):
    """Make a tree with folders, by an index of its own."""
    index = path / "test-index"
    environment = {**os.environ, **AUTHOR, "GIT_INDEX_FILE": str(index)}
    subprocess.run(
        ["git", "-C", str(path), "update-index", "--add", "--index-info"],
        input=entries,
        text=True,
        env=environment,
        check=True,
    )
    tree = subprocess.run(
        ["git", "-C", str(path), "write-tree"], capture_output=True, text=True, env=environment, check=True
    ).stdout.strip()
    index.unlink()
    return tree


@contextmanager
def serve_git(folder, user="x-token-auth", token="top-secret-token"):  # noqa: S107 - of a server on loopback
    """Serve the repositories of a folder on loopback."""
    if BACKEND is None:
        pytest.skip("git has no http-backend here")
    folder.mkdir(parents=True, exist_ok=True)
    httpd = _Http(("127.0.0.1", 0), _Handler)
    httpd.git = GitServer(folder, user, token, f"http://127.0.0.1:{httpd.server_address[1]}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield httpd.git
    finally:
        for fault in httpd.git.faults:
            if fault.hold is not None:
                fault.hold.set()
        httpd.shutdown()
        thread.join()
        httpd.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """Say nothing of a client that went away; that is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Say nothing on the test's terminal."""

    def _serve(self):
        server, parts = self.server.git, urlsplit(self.path)
        body = self._body()
        given = self.headers.get("Authorization")
        server.seen.append((self.command, self.path, given))
        fault = next((one for one in server.faults if re.search(one.where, self.path) and one.times != 0), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
        if fault is not None and fault.hold is not None:
            server.holding.set()
            fault.hold.wait(60)
        expected = "Basic " + base64.b64encode(f"{server.user}:{server.token}".encode()).decode()
        if fault is not None and (fault.status or fault.location):
            location = {"Location": fault.location + self.path} if fault.location else {}
            self._answer(fault.status or 302, {**location, **fault.headers}, b"")
        elif given != expected:
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        else:
            self._backend(parts, body, fault.cut if fault is not None else -1)

    do_GET = do_POST = _serve  # noqa: N815 - http.server's names

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(pieces)
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _backend(self, parts, body, cut):
        git_server = self.server.git
        if not (git_server.folder / parts.path.lstrip("/").partition(".git/")[0]).with_suffix("").parent.is_dir():
            self._answer(404, {}, b"")
            return
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(git_server.folder), "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path, "QUERY_STRING": parts.query, "REQUEST_METHOD": self.command, "REMOTE_USER": git_server.user,
            "REMOTE_ADDR": "127.0.0.1", "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        }  # fmt: skip
        done = subprocess.run([BACKEND], input=body, capture_output=True, env=environment, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200 OK").split()[0])
        self._answer(status, headers, content, cut)

    def _answer(self, status, headers, content, cut=-1):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if cut < 0 else content[:cut])
        if 0 <= cut < len(content):
            self.wfile.flush()
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
