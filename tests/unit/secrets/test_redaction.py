import base64
import html
import json
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.secrets.encodings import forms
from runbook_engine.secrets.redaction import REDACTED, SecretRedactor

SECRET = "Pä$s/w+rd \"q' <&>\\ ~x"


def _as_go(text):
    return "".join(f"\\u{ord(c):04x}" if c in "<>&" else c for c in json.dumps(text, ensure_ascii=False))


ENCODINGS = {
    "raw": lambda s: s,
    "json": json.dumps,
    "json in utf-8": lambda s: json.dumps(s, ensure_ascii=False),
    "json in json": lambda s: json.dumps(json.dumps({"a": s})),
    "json as php": lambda s: json.dumps(s).replace("/", "\\/"),
    "json as go": _as_go,
    "json as php in json": lambda s: json.dumps(json.dumps(s).replace("/", "\\/")),
    "html by numbers": lambda s: "".join(f"&#{ord(c)};" if c in "<>&\"'" else c for c in s),
    "url": lambda s: quote(s, safe=""),
    "url with slashes": quote,
    "url, lower case": lambda s: "".join(c if len(c) == 1 else c.lower() for c in _percents(quote(s, safe=""))),
    "form": quote_plus,
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 for urls": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "base64 at 1": lambda s: base64.b64encode(b"x" + s.encode() + b"tail").decode(),
    "base64 at 2": lambda s: base64.urlsafe_b64encode(b"xy" + s.encode() + b"t").decode(),
    "basic authentication": lambda s: "Basic " + base64.b64encode(f"ada.lovelace:{s}".encode()).decode(),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "html": html.escape,
    "html without quotes": lambda s: html.escape(s, quote=False),
    "shell": shlex.quote,
    "shell by hand": lambda s: "'" + s.replace("'", "'\\''") + "'",
    "repr": repr,
    "ascii": ascii,
    "upper": str.upper,
    "lower": str.lower,
    "twice": lambda s: s + s,
}


def _percents(text):
    head, *rest = text.split("%")
    yield from head
    for part in rest:
        yield "%" + part[:2]
        yield from part[2:]


def _core(encoded: str, name: str) -> str:
    """What of an encoding is the secret's own, without the quotes, names and neighbours around it."""
    if name.startswith("base64 at") or name == "basic authentication":
        return encoded[len(encoded) // 2 : -8]
    return encoded.strip("'\"")


@pytest.mark.parametrize("name", ENCODINGS)
def test_no_form_of_a_secret_remains(name):
    redactor = SecretRedactor([SECRET])
    encoded = ENCODINGS[name](SECRET)
    assert SECRET not in (core := _core(encoded, name)) or name in {"raw", "twice"}
    for text in (redactor.text(f"before {encoded} after"), redactor.data(f"before {encoded} after".encode()).decode()):
        assert core not in text
        assert REDACTED in text
        assert text.startswith("before ")
        assert text.endswith(" after")


@given(
    secret=st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=4, max_size=30),
    before=st.text(max_size=10),
    after=st.text(max_size=10),
    name=st.sampled_from(["raw", "json", "json in utf-8", "url", "form", "base64", "hex", "html", "shell", "repr"]),
)
def test_any_secret_anywhere(secret, before, after, name):
    encoded = ENCODINGS[name](secret)
    inner = encoded[1:-1] if name in {"json", "json in utf-8", "repr"} else encoded
    inner = inner[1:-1] if name == "shell" and inner.startswith("'") and "'" not in secret else inner
    known = len(inner) >= 4
    redacted = SecretRedactor([secret]).text(before + encoded + after)
    # What stands around it may by chance hold the secret as well, or make the mark itself look like it.
    if known and inner not in REDACTED and inner not in before + REDACTED + after:
        assert inner not in redacted


@given(
    secrets=st.lists(st.text(alphabet="ab/é", min_size=4, max_size=9), min_size=1, max_size=4),
    parts=st.lists(st.text(alphabet="ab/é", max_size=12), max_size=8),
    cuts=st.lists(st.integers(min_value=1, max_value=7), min_size=1, max_size=30),
)
def test_a_stream_in_chunks_is_redacted_as_a_whole(secrets, parts, cuts):
    redactor = SecretRedactor(secrets)
    whole = "".join(part + secrets[i % len(secrets)] for i, part in enumerate(parts)).encode()
    stream, given_out, rest = redactor.stream(), [], whole
    for size in cuts:
        given_out.append(stream.feed(rest[:size]))
        rest = rest[size:]
    given_out += [stream.feed(rest), stream.close()]
    assert b"".join(given_out) == redactor.data(whole)


def test_a_stream_holds_back_no_more_than_a_secret_may_be_long():
    stream = SecretRedactor(["s3cret-value"]).stream()
    given_out = sum(len(stream.feed(b"x" * 100)) for _ in range(100))
    assert given_out > 9_800


def test_a_stream_without_secrets_passes_through_at_once():
    assert SecretRedactor().stream().feed(b"abc") == b"abc"


def test_an_endless_secret_is_one_mark_in_a_stream():
    stream = SecretRedactor(["aaaa"]).stream()
    assert b"".join([*(stream.feed(b"a" * 50) for _ in range(100)), stream.close()]) == REDACTED.encode()


def test_secrets_that_overlap_leave_no_rest():
    redactor = SecretRedactor(["abcdef", "defghi", "cde1"])
    assert redactor.text("x abcdefghi y") == f"x {REDACTED} y"


def test_each_long_line_of_a_secret_is_one():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\nab\n-----END KEY-----\n"
    redactor = SecretRedactor([key])
    assert redactor.text("got MIIEvQIBADANBg here") == f"got {REDACTED} here"
    assert redactor.text(key.replace("\n", "\r\n")).replace(REDACTED, "").strip() == ""
    assert redactor.text("ab") == "ab"


def test_each_long_value_of_a_file_of_assignments_is_one():
    redactor = SecretRedactor(["export API_KEY='s3cret-of-the-api'\nuser: somebody-long\nPIN=1\n"])
    assert redactor.text("key s3cret-of-the-api of somebody-long") == f"key {REDACTED} of {REDACTED}"
    assert redactor.text("1") == "1"


def test_short_lines_are_found_together_with_either_end_of_line():
    for written, seen in (("ab\r\ncd", "ab\ncd"), ("ab\ncd", "ab\r\ncd")):
        assert SecretRedactor([written]).text(f"x {seen} y") == f"x {REDACTED} y"


@pytest.mark.parametrize("kept", [b"cret-value-9 and more", b"more and s3cret-va"])
def test_of_a_stream_that_was_cut_pieces_of_a_secret_go_as_well(kept):
    redactor = SecretRedactor(["s3cret-value-9"])
    assert redactor.kept(kept, whole=True) == kept
    assert redactor.kept(kept, whole=False).replace(REDACTED.encode(), b"").strip() in {b"and more", b"more and"}


def test_json_with_keys_and_numbers():
    redactor = SecretRedactor(["s3cret", "123456"])
    value = {"s3cret": [1, None, True, "x s3cret", {"a": 123456}], "n": 1.5}
    assert redactor.json(value) == {REDACTED: [1, None, True, f"x {REDACTED}", {"a": REDACTED}], "n": 1.5}


def test_a_short_secret_is_found_only_as_a_whole_value():
    redactor = SecretRedactor(["abc"])
    assert redactor.text("abcdef") == "abcdef"
    assert redactor.json({"pin": "abc"}) == {"pin": REDACTED}


def test_nothing_is_copied_while_there_are_no_secrets():
    value = {"a": ["x"]}
    assert SecretRedactor().json(value) is value
    assert SecretRedactor([""]).text("text") == "text"


def test_bytes_that_are_no_text_keep_their_neighbours():
    assert SecretRedactor(["s3cret"]).data(b"\xff\x00s3cret\xfe") == b"\xff\x00" + REDACTED.encode() + b"\xfe"


def test_the_longest_form_byte_by_byte():
    longest = max(forms(SECRET), key=lambda form: len(form.encode())).encode()
    stream = SecretRedactor([SECRET]).stream()
    given_out = [stream.feed(longest[at : at + 1]) for at in range(len(longest))]
    assert b"".join([*given_out, stream.close()]) == REDACTED.encode()
