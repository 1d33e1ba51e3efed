"""The lab's pages for a browser: what runs where, what is broken, and the mail. Nothing in them can run."""

from __future__ import annotations

import email
import email.policy
import html
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from werkzeug.wrappers import Response

NAME = re.compile(r"[0-9]{4,}\.eml")
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}
td,th{text-align:left;padding:.2rem 1rem .2rem 0}pre{white-space:pre-wrap;background:#f4f4f4;padding:1rem}
"""


def overview(state: Mapping[str, object], links: Mapping[str, str]) -> Response:
    """The first page: addresses, hosts, and what is broken."""
    broken, apps = state.get("broken"), state.get("apps")
    listed = ", ".join(str(found) for found in broken) if isinstance(broken, list) and broken else "nothing"
    rows = [(name, f'<a href="{html.escape(url)}">{html.escape(url)}</a>') for name, url in links.items()]
    if isinstance(apps, dict):
        rows += [(name, "down" if pid is None else f"up, process {pid}") for name, pid in apps.items()]
    table = "".join(f"<tr><th>{html.escape(name)}</th><td>{cell}</td></tr>" for name, cell in rows)
    return _page("The rehearsal lab", f"<p>Broken: {html.escape(listed)}</p><table>{table}</table>")


def mail_list(mailbox: Path) -> Response:
    """All messages, the newest first."""
    rows = []
    for file in sorted(mailbox.glob("*.eml"), reverse=True):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        cells = [html.escape(str(message.get(name, ""))) for name in ("Date", "To", "Subject")]
        cells[2] = f'<a href="/mail/{file.name}">{cells[2] or "(no subject)"}</a>'
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "<tr><th>date</th><th>to</th><th>subject</th></tr>"
    return _page("Mail", f"<table>{head}{''.join(rows)}</table>" if rows else "<p>No mail yet.</p>")


def mail(mailbox: Path, name: str) -> Response:
    """One message: its headers and its text."""
    file = mailbox / name
    if not NAME.fullmatch(name) or not file.is_file():
        return _page("No such message", '<p><a href="/mail">All mail</a></p>', HTTPStatus.NOT_FOUND)
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain", "html"))
    try:
        text = str(body.get_content()) if body is not None else ""
    except LookupError:  # no such character set
        text = file.read_bytes().decode("utf-8", errors="replace")
    heads = "".join(
        f"<tr><th>{head}</th><td>{html.escape(str(message.get(head, '')))}</td></tr>" for head in ("From", "To", "Date")
    )
    shown = f'<table>{heads}</table><pre>{html.escape(text)}</pre><p><a href="/mail">All mail</a></p>'
    return _page(str(message.get("Subject", "(no subject)")), shown)


def _page(title: str, body: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    named = html.escape(title)
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{named}</title><style>{STYLE}</style>'
        f"<h1>{named}</h1>{body}</html>\n"
    )
    response = Response(text, status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
