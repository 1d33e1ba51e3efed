"""What others send or hand in, as targets of `targets.py` are: bundles, secrets, workers, feeds, mails, browsers."""

import asyncio
import hashlib
import io
import json
import re
import tarfile
import weakref
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlencode

import pyrage
from pydantic import ValidationError
from support.orders import an_order

from runbook_engine.actions.mail_message import message_for
from runbook_engine.actions.notify_email import EmailParams
from runbook_engine.actions.status_feeds import SEVERITIES, read_aws, read_statuspage
from runbook_engine.app.evidence import export
from runbook_engine.app.evidence_check import check as check_bundle
from runbook_engine.app.evidence_check import read_signers
from runbook_engine.app.evidence_key import evidence_key
from runbook_engine.app.find_run import find_run
from runbook_engine.app.init import init_project
from runbook_engine.app.project import open_project
from runbook_engine.dispatchers.queue_wire import may_settle, read_order, read_report
from runbook_engine.journals.address import open_journal
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import (
    Actor,
    AttemptFinished,
    AttemptStarted,
    LeaseTaken,
    NoteAdded,
    RunClosed,
    RunOpened,
)
from runbook_engine.model.evidence import SIGNATURE, SUMS
from runbook_engine.model.outcome import Mode, Outcome
from runbook_engine.sdk import RunFacts
from runbook_engine.secrets.age import AgeFiles
from runbook_engine.secrets.fields import leaves, pick
from runbook_engine.web.app import Dashboard
from runbook_engine.web.desk import Desk
from runbook_engine.web.security.tokens import new_token
from runbook_engine.web.settings import Settings

ACTOR = Actor(name="dana", os_user="dana", host="laptop")
ORIGIN = "http://127.0.0.1:1"
LONGEST = 20.0
_TARGET = re.compile(rb"[!-~]+ [!-~]+(?:\n|$)")


def fill(path: Path) -> None:
    """Make a journal with two runs, one of them over."""
    opening = RunOpened(
        runbook="restore-settings", inventory="local", mode="live", fingerprint="f" * 64, engine_version="1"
    )
    made = open_journal(f"sqlite:///{path.name}", project=path.parent, create=True)
    for run in ("20261126-0101-a", "20261126-0202-b"):
        made.open_run(run, opening, ACTOR)
        made.append(run, [LeaseTaken(holder="x", fence=1), AttemptStarted(task="a@h", number=1, token="t")], ACTOR)
        digest = {"stdout": hashlib.sha256(b"out").hexdigest()}
        end = AttemptFinished(task="a@h", number=1, outcome=Outcome.CHANGED, output_digest=digest, seconds=1.5)
        made.append(run, [end, NoteAdded(text="nöte")], ACTOR, outputs={("a@h", 1): {"stdout": b"out"}})
    made.append("20261126-0202-b", [RunClosed(status="succeeded")], ACTOR)
    made.close()


def bundle(folder):
    """An evidence bundle with one file exchanged, and signed anew, as a forger would; or bytes in place of the tar.

    The input: the number of the file, how much of it stays, how much falls out, and what comes there.
    """
    root = folder / "project"
    init_project(root, person="dana")
    (root / ".runbook").mkdir(mode=0o700, exist_ok=True)
    fill(root / ".runbook/journal.db")
    project = open_project(root)
    journal = project.journal()
    key = evidence_key(root, project.team, None)
    export(project, journal, find_run(journal, "20261126-0202-b"), folder / "good.tar.gz", key, ACTOR)
    journal.close()
    with tarfile.open(folder / "good.tar.gz") as tar:
        files = {member.name.partition("/")[2]: tar.extractfile(member).read() for member in tar}
    names = sorted(files)
    path = folder / "changed.tar.gz"

    def check(data):
        changed = dict(files)
        if data[:1] == b"T":
            path.write_bytes(_packed({"x": data[1:]}, raw=data[1:]))
        else:
            name = names[data[0] % len(names)] if data else names[0]
            at, cut = int.from_bytes(data[1:3], "big"), int.from_bytes(data[3:5], "big")
            changed[name] = files[name][:at] + data[5:] + files[name][at + cut :]
            if name not in {SUMS, SIGNATURE}:
                sums = "".join(
                    f"{hashlib.sha256(changed[one]).hexdigest()}  {one}\n"
                    for one in names
                    if one not in {SUMS, SIGNATURE}
                )
                changed[SUMS] = sums.encode()
                changed[SIGNATURE] = key.sign(changed[SUMS], None).encode()
            path.write_bytes(_packed(changed))
        with suppress(RunbookError):
            for problem in check_bundle(path, None).problems:
                str(problem)
        (folder / "signers").write_bytes(data)
        with suppress(RunbookError):
            read_signers(folder / "signers")

    return check


def _packed(files, *, raw=None):
    """Give a bundle's bytes; `raw`: what is packed in place of a tar file."""
    import gzip

    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"evidence/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(made.getvalue() if raw is None else raw, 1, mtime=0)


def sealed(folder):
    """An age file, an identity, or what was sealed, of which a field is asked for."""
    identity = pyrage.x25519.Identity.generate()
    known = folder / "key.txt"
    known.write_text(f"# key\n{identity}\n")
    known.chmod(0o600)
    given, file = folder / "given.txt", folder / "x.age"
    good = pyrage.encrypt(b"a: 1\n", [identity.to_public()], armored=True)

    def check(data):
        given.write_bytes(data)
        given.chmod(0o600)
        for content, key in (
            (data, known),
            (good[: len(data)] + data, known),
            (good, given),
            (b"age-encryption.org/v1\n" + data, known),
        ):
            file.write_bytes(content)
            with suppress(RunbookError):
                AgeFiles((key,), {}).open(file)
        document, _, field = data.decode("utf-8", "replace").partition("\n#")
        leaves(document)
        with suppress(RunbookError):
            assert isinstance(pick(document, field or "a.b", "age:x#f"), str)

    return check


def wire(_folder):
    """An order, and a report, as they stand in the database."""

    def check(data):
        text = data.decode("utf-8", "replace")
        with suppress(ValueError):
            read_order(text).order.target.name.strip()
        assert may_settle(text) in {True, False}
        with suppress(ValueError):
            report = read_report(text, an_order(), {})
            assert report[:2] == ("s@h", 1)
            AttemptFinished(
                task=report.task, number=1, outcome=report.outcome, output_digest={}, seconds=report.seconds
            ).model_dump_json()

    return check


def feed(_folder):
    """The answer of a status page, in any encoding that JSON has."""

    def check(data):
        for encoding in ("utf-8", "utf-16", "utf-32-le"):
            body = data if encoding == "utf-8" else data.decode("utf-8", "replace").encode(encoding)
            for least in SEVERITIES:
                for reading in (read_aws(body, "eu-west-1", at_least=least), read_statuspage(body, ["API", "x"])):
                    assert reading.state in {"active", "clear", "maintenance", "unknown"}
                    json.dumps([reading.why, *reading.events])
            read_aws(body, None)
            read_statuspage(body, [])

    return check


def mail(_folder):
    """A mail whose subject, addresses and texts came from anywhere: refused before it is made, or one message."""
    run = RunFacts(id="r", mode=Mode.DRILL, runbook="b", step="s", task="s@h", token="t", operator="dana")

    def check(data):
        parts = data.decode("utf-8", "replace").split("\x1e")
        sender, recipient, subject, body = (*parts, "", "", "", "")[:4]
        given = {"smtp": {"host": "h"}, "sender": sender, "to": [recipient], "subject": subject, "body": body or None}
        try:
            params = EmailParams.model_validate(given)
        except ValidationError:
            return
        message = message_for(
            params.to[0],
            sender=params.sender,
            subject=params.subject,
            body=params.body or "",
            html=params.body,
            run=run,
            now=datetime(2026, 11, 26, tzinfo=UTC),
        )
        whole = message.as_bytes()
        head = whole.partition(b"\n\n")[0].lower()
        assert not any(line.startswith((b"bcc:", b"cc:")) for line in head.split(b"\n")), whole

    return check


def request(folder):
    """A request to the dashboard, of somebody who is logged in: any answer, but for one of 500 and above.

    The input: the request's line, headers and body, with @COOKIE@ and @CSRF@ where the session's own belong.
    """
    root = folder / "project"
    init_project(root, person="dana")
    (root / ".runbook").mkdir(mode=0o700, exist_ok=True)
    fill(root / ".runbook/journal.db")
    desk = Desk(open_project(root), Settings(origins=(ORIGIN,)))
    dashboard = Dashboard(desk)
    loop = asyncio.new_event_loop()
    form = urlencode({"token": new_token(root, "dana")}).encode()
    door = b"POST /login\nhost: 127.0.0.1:1\norigin: http://127.0.0.1:1\ncontent-type: application/x-www-form-urlencoded\n\n"
    _, headers = loop.run_until_complete(_answer(dashboard.asgi, door + form))
    cookie = headers[b"set-cookie"].partition(b";")[0]
    session = desk.sessions.find(cookie.decode().partition("=")[2], used=False)

    def check(data):
        if not _TARGET.match(data):
            return  # h11 lets no such request in
        data = data.replace(b"@COOKIE@", cookie).replace(b"@CSRF@", session.csrf.encode())
        status, _ = loop.run_until_complete(asyncio.wait_for(_answer(dashboard.asgi, data), LONGEST))
        assert status < 500, status

    weakref.finalize(check, _end, loop, dashboard, desk)
    return check


def _end(loop, dashboard, desk):
    dashboard.close()
    desk.close()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def _answer(app, data):
    """Have an application answer, as the server would; gives the status and the headers."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, target = first.partition(b" ")
    raw, _, query = target.partition(b"?")
    pairs = [line.partition(b":") for line in lines]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method.decode("latin-1").upper() or "GET",
        "scheme": "http",
        "path": unquote(raw.decode("latin-1")) or "/",
        "raw_path": raw,
        "query_string": query,
        "root_path": "",
        "headers": [(name.strip().lower(), value.strip()) for name, _, value in pairs],
        "client": ("127.0.0.1", 9),
        "server": ("127.0.0.1", 1),
        "state": {},
    }
    coming = [{"type": "http.request", "body": body, "more_body": False}]
    said = {}

    async def receive():
        return coming.pop() if coming else {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            said.update(status=message["status"], headers=dict(message["headers"]))

    await app(scope, receive, send)
    return said["status"], said["headers"]


OTHERS = {each.__name__: each for each in (bundle, sealed, wire, feed, mail, request)}
