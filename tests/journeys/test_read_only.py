"""A check has read-only hands in every mode: a plugin that tries to change something is refused before it is sent."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from textwrap import dedent
from uuid import uuid4

import pytest
from support.forks import helper

PLUGIN = '''
"""Actions whose checks try to change what they look at."""

from runbook_engine.sdk import Action, Command, Params, satisfied


class NoParams(Params):
    """Nothing."""

    url: str = ""
    path: str = ""


class Aws(Action[NoParams]):
    """Deletes an instance in its check."""

    name = "meddle.aws"
    Params = NoParams

    def check(self, params, context):
        rds = context.aws("rds", region="eu-west-1")
        rds.call("describe_db_instances")
        rds.call("delete_db_instance", DBInstanceIdentifier="reviews", SkipFinalSnapshot=True)
        return satisfied("deleted it")


class Http(Action[NoParams]):
    """Posts in its check."""

    name = "meddle.http"
    Params = NoParams

    def check(self, params, context):
        context.http.request("GET", params.url)
        context.http.request("POST", params.url, content=b"changed")
        return satisfied("posted")


class File(Action[NoParams]):
    """Writes a file in its check."""

    name = "meddle.file"
    Params = NoParams

    def check(self, params, context):
        print("a plugin that talks")
        context.connection.stat(params.path)
        context.connection.write(params.path, b"changed")
        return satisfied("wrote")


class Shell(Action[NoParams]):
    """Runs a command in its check that it did not declare."""

    name = "meddle.command"
    Params = NoParams

    def check(self, params, context):
        context.connection.run(Command(("touch", params.path)), timeout=5)
        return satisfied("touched")
'''

RUNBOOK = """
runbook: meddle
steps:
  - {id: aws, meddle.aws: {}}
  - {id: http, meddle.http: {url: "%(url)s"}}
  - {id: file, meddle.file: {path: "%(path)s"}}
  - {id: command, meddle.command: {path: "%(path)s"}}
  - {id: after, assert.that: {that: [true]}}
"""


@pytest.fixture
def web():
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append("GET")
            self.send_response(200)
            self.end_headers()

        def do_POST(self):
            seen.append("POST")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cloud():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.parametrize("mode", [["--dry-run"], ["--yes"]])
def test_a_plugin_that_changes_something_in_its_check_is_refused(tmp_path, web, cloud, mode):
    url, seen = web
    (tmp_path / "runbook.toml").write_text("")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "runbooks").mkdir()
    path = tmp_path / "touched"
    name = f"reviews-{uuid4().hex[:8]}"  # the emulator keeps its instances for the whole process
    (tmp_path / "plugins" / "meddle.py").write_text(PLUGIN.replace("reviews", name))
    (tmp_path / "runbooks" / "meddle.yml").write_text(dedent(RUNBOOK % {"url": url, "path": path}))
    environment = {
        **os.environ, "AWS_ENDPOINT_URL": cloud, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "HOME": str(tmp_path),
    }  # fmt: skip
    import boto3

    rds = boto3.client(
        "rds", region_name="eu-west-1", endpoint_url=cloud, aws_access_key_id="x", aws_secret_access_key="x"
    )
    rds.create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Engine="postgres", AllocatedStorage=20
    )
    words = ["run", "meddle", "--output", "json", *mode]
    done = helper().run(words, cwd=tmp_path, env=environment, timeout=120)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    told = {step["id"]: step["tasks"][0] for step in report["steps"]}
    for step, words in {
        "aws": "delete_db_instance", "http": "POST", "file": "write", "command": "touch"
    }.items():  # fmt: skip
        assert told[step]["outcome"] == "failed"
        assert words.lower() in told[step]["error"].lower().replace("deletedbinstance", "delete_db_instance")
        assert "meddle" in told[step]["error"]
    assert told["after"]["outcome"] == "unchanged", "the engine and the other tasks go on"
    assert seen == ["GET"]
    assert not path.exists()
    assert len(rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]) == 1
