"""What fuzzing begins with for what others send."""

import json

from support.orders import an_order

from runbook_engine.dispatchers.queue_wire import SentOrder, order_text, report_text, unbegun_text
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.dispatcher import AttemptReport

_HEAD = "host: 127.0.0.1:1\norigin: http://127.0.0.1:1\ncookie: @COOKIE@\naccept: text/html\n"
_FORM = f"{_HEAD}content-type: application/x-www-form-urlencoded\n\ncsrf=@CSRF@&"
_RUN = "/runs/20261126-0101-a"
_PAGES = ("/", "/runs?page=2&status=open", _RUN, f"{_RUN}/live", f"{_RUN}/report?format=md", f"{_RUN}/tasks/a@h", f"{_RUN}/output/a@h/1?stream=stdout",
          "/runbooks", "/runbooks/restore-settings", "/compliance", "/compliance.ics", "/journal", "/login?next=/x", "/assets/../x", "/metrics", "/healthz")  # fmt: skip
_POSTS = {
    f"{_RUN}/answer": "answer=approve&task=a@h&reason=x&plan=1",
    f"{_RUN}/gates/a@h": "decision=approve&plan=" + "f" * 64,
    f"{_RUN}/holds/a@h": "decision=retry&reason=x",
    f"{_RUN}/tasks/a@h": "answer=pass&note=done",
    f"{_RUN}/notes": "answer=note&text=hello",
    f"{_RUN}/pause": "reason=x",
    "/logout": "",
    "/login": "token=rb1_dana_x&next=//evil.example",
}
_EVENT = {
    "arn": "arn:aws:health:eu-west-1::event/EC2/x",
    "status": "1",
    "summary": "[RESOLVED] Increased error rates",
    "end_time": None,
    "event_log": [{"summary": "x", "timestamp": 1764115200}],
}
_PAGE = {
    "status": {"indicator": "minor"},
    "components": [{"name": "API", "id": "x", "status": "partial_outage"}],
    "incidents": [{"name": "API is slow", "components": [{"id": "x"}]}],
}

OTHERS = {
    "bundle": [
        *(bytes([number, 0, 20, 0, 9]) + b"\xff\x00[[{}" for number in range(13)),
        bytes([0, 0, 0, 255, 255]) + b"[" * 5000,
        bytes([4, 0, 0, 255, 255]) + b"{}",
        b"Tevidence/x" + b"\0" * 600,
    ],
    "sealed": [
        b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB0\n-----END AGE ENCRYPTED FILE-----\n",
        b"age-encryption.org/v1\n-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\nEmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U\n--- Vn+54jqiiUCE+WZcEVY3f1sqHjlu/z1LCQ/T7Xm7qI0\n\xee\xcf",
        b"-> scrypt rF0/NwblUHHTpgQgRpe5CQ 30\nx\n--- x\n",
        b"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n-----END OPENSSH PRIVATE KEY-----\n",
        b'{"smtp": {"password": "x", "pins": [1, 0.10]}}\n#smtp.pins.1',
        b"a: &a {b.c: [0123, no, *a]}\nd: {<<: *a}\n#a.b.c.2.b.c.0",
    ],
    "wire": [
        order_text(SentOrder(an_order(parameters={"argv": ["ls"]}), "runbook-engine", "1")).encode(),
        report_text(AttemptReport("s@h", 1, Outcome.CHANGED, outputs={"a": [1, None]}, error="x")).encode(),
        unbegun_text("taken back").encode(),
        b"null",
    ],
    "feed": [json.dumps([_EVENT, {**_EVENT, "status": 0}]).encode(), json.dumps(_PAGE).encode(), b"[]", b'{"status": null}'],
    "mail": [
        "Ops <ops@example.com>\x1eDana <dana@example.com>\x1eRun {{ x }} ended\x1eWörds.\n.\n..x\r\n<body>y".encode(),
        b"ops@example.com\x1edana@example.com\x1ehello\r\nBcc: x@example.com\x1e" + b"x" * 2000,
        'a@bücher.example\x1e"a b"@example.com\x1e=?utf-8?q?x?=\x1e\u2028\ufeff'.encode(),
    ],
    "request": [
        *(f"GET {page}\n{_HEAD}\n".encode() for page in _PAGES),
        *(f"POST {path}\n{_FORM}{form}".encode() for path, form in _POSTS.items()),
    ],
}  # fmt: skip
