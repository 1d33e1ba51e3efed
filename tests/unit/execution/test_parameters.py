"""Parameters of an action: what goes into HTML is escaped once, files are rendered by what they are."""

import hashlib

import pytest
from support.simulation import Do

from runbook_engine.execution.parameters import render_files, render_params
from runbook_engine.expressions.scope import Scope
from runbook_engine.model.errors import RunbookError


class Page(Do):
    html = ("html", "page")
    template_files = ("text", "page")


SCOPE = Scope(inputs={"evil": "<b>&\"'{{ 1 + 1 }}", "list": ["<i>"], "n": 1}, runbook_vars={"greeting": "<{{ evil }}>"})
ESCAPED = "&lt;b&gt;&amp;&quot;&#x27;{{ 1 + 1 }}"


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("<p>{{ evil }}</p>", f"<p>{ESCAPED}</p>"),
        ("{{ evil }}", ESCAPED),
        ("{{ evil ~ '!' }}", f"{ESCAPED}!"),
        ("<p>{{ greeting }}</p>", f"<p>&lt;{ESCAPED}&gt;</p>"),
        ("<p>{% for one in list %}{{ one }}{% endfor %}{{ n }}</p>", "<p>&lt;i&gt;1</p>"),
        ("{{ list }}", "[&#x27;&lt;i&gt;&#x27;]"),
        ("<p>plain</p>", "<p>plain</p>"),
    ],
)
def test_what_goes_into_html_is_escaped_once(text, rendered):
    assert render_params(Page(), {"html": text, "plain": "{{ evil }}"}, SCOPE).value == {
        "html": rendered,
        "plain": SCOPE.find("evil").value,
    }
    files = {"a.html": text.encode(), "a.txt": b"{{ evil }}"}
    found = render_files(Page(), {"page": "a.html", "text": "a.txt"}, SCOPE, {}, files.__getitem__)
    assert found[hashlib.sha256(text.encode()).hexdigest()] == rendered or text == "{{ evil }}"


def test_a_template_file_is_text():
    with pytest.raises(RunbookError, match="not UTF-8"):
        render_files(Page(), {"page": "a"}, SCOPE, {}, lambda _: b"\xff")
