import json

import pytest

from runbook_engine.ports.secrets import SecretError
from runbook_engine.secrets.fields import leaves, pick


@pytest.mark.parametrize(
    ("document", "field", "value"),
    [
        ('{"a": {"b": "x"}}', "a.b", "x"),
        ('{"a.b": "x", "a": {"b": "y"}}', "a.b", "x"),
        ('{"a": ["x", {"b": "y"}]}', "a.1.b", "y"),
        ('{"port": 5432, "pin": 0.10, "big": 1e400}', "port", "5432"),
        ('{"pin": 0.10}', "pin", "0.10"),
        ("smtp:\n  password: 0123\n", "smtp.password", "0123"),
        ("flag: no\n", "flag", "no"),
        ("when: 2026-01-01\n", "when", "2026-01-01"),
        ("key: |\n  -----BEGIN-----\n  abc\n", "key", "-----BEGIN-----\nabc\n"),
        ('{"a": "\\u00e4\\n"}', "a", "ä\n"),
    ],
)
def test_the_text_that_a_field_leads_to(document, field, value):
    assert pick(document, field, "age:x#y") == value


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ('{"a": "hush-hush"}', "b", "has no field 'b'"),
        ('{"a": "hush-hush"}', "a.b", "leads beyond"),
        ('{"a": {"b": "hush-hush"}}', "a", "is no text"),
        ('{"a": true}', "a", "is no text"),
        ('["hush-hush"]', "1", "leads beyond"),
        ("a: [hush-hush", "a", "neither JSON nor YAML"),
        ("a: !!python/object:os.system hush-hush: x", "a", "neither JSON nor YAML"),
        ("just hush-hush", "a", "leads beyond"),
        ("[" * 100_000, "a", "nested too deeply"),
        ("- " * 50_000 + "x", "a", "neither JSON nor YAML"),
    ],
)
def test_what_goes_wrong_is_told_without_the_document(document, field, words):
    with pytest.raises(SecretError, match=words) as caught:
        pick(document, field, "age:x#y")
    assert "hush" not in caught.value.message + caught.value.hint
    assert caught.value.__cause__ is None


def test_the_texts_inside_a_document():
    assert sorted(leaves(json.dumps({"a": "x", "b": [{"c": "y"}], "n": 1}))) == ["1", "x", "y"]
    assert leaves("{no json") == leaves("plain") == []
