"""Strict YAML: what is read, what is refused, and where each finding points."""

import json
import os

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.loading.yaml_source import read_yaml, read_yaml_file
from runbook_engine.model.config import Limits
from runbook_engine.model.located import LocatedDict, LocatedList

LIMITS = Limits()


def read(text, **options):
    return read_yaml(text, file="f.yml", limits=options.pop("limits", LIMITS), **options)


def findings(text, **options):
    return [(str(found.location), found.rule) for found in read(text, **options).diagnostics]


def test_values_know_their_places():
    result = read("name: x\nsteps:\n  - id: one\n    needs: [a, 'b']\n")
    assert result.root == {"name": "x", "steps": [{"id": "one", "needs": ["a", "b"]}]}
    assert isinstance(result.root, LocatedDict)
    assert isinstance(result.root["steps"], LocatedList)
    places = result.sources
    assert str(places.at(("steps", 0, "needs", 1))) == "f.yml:4:16"
    assert str(places.at(("steps", 0, "needs"), key=True)) == "f.yml:4:5"
    assert str(places.at(("steps", 0, "id"))) == "f.yml:3:9"
    assert result.sources.lines[3] == "    needs: [a, 'b']"
    assert len(result.sha256) == 64


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "---\n...\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_nothing(text):
    result = read(text)
    assert result.root is None
    assert result.diagnostics == []


def test_a_byte_order_mark_is_accepted():
    assert read(b"\xef\xbb\xbfa: 1\n").root == {"a": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n b: 2\n", [("f.yml:2:3", "RB005")]),
        ("a: b: c\n", [("f.yml:1:5", "RB005")]),
        ("a: 'x\nb: 2\n", [("f.yml:1:4", "RB005")]),
        ("a: [1\nb: 2\n", [("f.yml:1:4", "RB005")]),
        ("a: @x\n", [("f.yml:1:4", "RB005")]),
        ("a:\n\tb: 1\n", [("f.yml:2:1", "RB006")]),
        ("a:\n  b: 1\n\tc: 1\n", [("f.yml:3:1", "RB006")]),
        ("a: 1\n---\nb: 2\n", [("f.yml:2:1", "RB009")]),
        ("a: 1\n...\nb: 2\n", [("f.yml:2:4", "RB009")]),
        ("a: 1\nb: 2\na: 3\n", [("f.yml:3:1", "RB010")]),
        ("a: !!python/object:os.system x\n", [("f.yml:1:4", "RB011")]),
        ("a: !x {b: 1}\n", [("f.yml:1:4", "RB011")]),
        ("!!str a: 1\n", [("f.yml:1:1", "RB011")]),
        ("a: &a {x: 1}\nb:\n  <<: *a\n", [("f.yml:3:3", "RB012")]),
        ("a: *nowhere\n", [("f.yml:1:4", "RB013")]),
        ("a: &a [*a]\n", [("f.yml:1:8", "RB013")]),
        ("a: .nan\nb: -.inf\n", [("f.yml:1:4", "RB014"), ("f.yml:2:4", "RB014")]),
        ("a: {{ x }}\nb: {{ y }}\n", [("f.yml:1:5", "RB015"), ("f.yml:2:5", "RB015")]),
        ("? [a]\n: 1\nb: 2\n", [("f.yml:1:3", "RB015")]),
        ("~: 1\n", [("f.yml:1:1", "RB015")]),
        ("a: &x b\n*x : 1\n", [("f.yml:2:1", "RB015")]),
        ("a: NO\nb: 017\nc: no way\n", [("f.yml:1:4", "RB016"), ("f.yml:2:4", "RB016")]),
        ("%YAML 1.1\n---\na: 1\n", [("f.yml:1:1", "RB017")]),
        ("# x\n\n%TAG ! x\n---\na: 1\n", [("f.yml:3:1", "RB017")]),
        ("a: x\x00\n", [("f.yml:1:5", "RB004")]),
        ("a: 1\r\nb: \x1b[31m\r\n", [("f.yml:2:4", "RB004")]),
        ("a: x\u202ey\nb: \u2066\n", [("f.yml:1:5", "RB004"), ("f.yml:2:4", "RB004")]),
        ("a: x\u2028b: 1\n", [("f.yml:1:5", "RB004")]),
        ('a: "x\\0y"\n', [("f.yml:1:4", "RB004")]),
        (b"a: 1\nb: caf\xe9\n", [("f.yml:2:7", "RB003")]),
        ("a: 1\n".encode("utf-16"), [("f.yml:1:1", "RB003")]),
        ("a: \ud800\n", [("f.yml:1:4", "RB003")]),
    ],
)
def test_refusals_and_warnings_have_their_place(text, expected):
    assert findings(text) == expected


def test_after_a_refused_key_the_rest_is_still_read():
    result = read("a: 1\na: {b: [2, {c: 3}]}\n? {x: y}\n: [z]\n<<: {q: 1}\nd: 4\n")
    assert result.root == {"a": 1, "d": 4}
    assert [found.rule for found in result.diagnostics] == ["RB010", "RB015", "RB012"]


def test_every_finding_tells_what_to_do():
    for text in (
        "a:\n\tb: 1\n",
        "a: 1\na: 2\n",
        "a: {{ x }}",
        "a: NO",
        "a: .nan",
        "a: 'x",
        b"\xff\xfe",
        "%YAML 1.1\n",
        "a: !x y",
    ):
        assert all(found.hint for found in read(text).diagnostics)
        assert read(text).diagnostics


def test_small_aliases_are_allowed():
    result = read("ports: &ports [80, 443]\nname: &n web\na: *ports\nb: [*ports, *n]\n")
    assert result.root == {"ports": [80, 443], "name": "web", "a": [80, 443], "b": [[80, 443], "web"]}
    assert result.diagnostics == []


def test_aliases_count_into_the_depth():
    text = "a: &a [[[x]]]\nb: &b [[[*a]]]\nc: [[[*b]]]\n"
    assert findings(text, limits=Limits(depth=10)) == []
    assert findings(text, limits=Limits(depth=9)) == [("f.yml:3:7", "RB007")]


def test_limits():
    assert findings("[[[1]]]", limits=Limits(depth=3)) == []
    assert findings("[[[1]]]", limits=Limits(depth=2)) == [("f.yml:1:3", "RB007")]
    assert findings("- 1\n- 2\n", limits=Limits(nodes=6)) == []
    assert findings("- 1\n- 2\n", limits=Limits(nodes=5)) == [("f.yml:2:3", "RB008")]
    assert findings("a: 1", limits=Limits(file_bytes=4)) == []
    assert findings("a: 12", limits=Limits(file_bytes=4)) == [("f.yml", "RB002")]


def test_findings_of_one_file_have_an_end():
    found = read("a: 1\n" * 5000).diagnostics
    assert len(found) == 1001
    assert found[-1].rule == "RB018"


def test_an_allowed_tag_makes_its_value():
    result = read("a: !vault |\n  secret\nb: !vault [1]\n", tags={"!vault": lambda text: ("vault", text)})
    assert result.root["a"] == ("vault", "secret\n")
    assert [(str(found.location), found.rule) for found in result.diagnostics] == [("f.yml:3:4", "RB011")]


def test_yaml_1_1_reads_as_ansible_and_does_not_warn():
    result = read("a: NO\nb: 017\nc: 1:30\nd: 'NO'\n", yaml_1_1=True)
    assert result.root == {"a": False, "b": 15, "c": 90, "d": "NO"}
    assert result.diagnostics == []


def test_the_warning_can_be_left_out():
    assert findings("a: NO\n", warn_ambiguous=False) == []


@pytest.mark.parametrize("text", ["a: x\r\nb:\r\n  - y\r\n", "a: x\rb:\r  - y\r"])
def test_line_ends_of_other_systems(text):
    result = read(text)
    assert result.root == {"a": "x", "b": ["y"]}
    assert str(result.sources.at(("b", 0))) == "f.yml:3:5"


def test_files_that_can_not_be_read(tmp_path):
    folder, pipe, link = tmp_path / "folder", tmp_path / "pipe", tmp_path / "link.yml"
    folder.mkdir()
    os.mkfifo(pipe)
    (tmp_path / "good.yml").write_text("a: 1\n")
    link.symlink_to("good.yml")
    (tmp_path / "large.yml").write_bytes(b"#" * 101)
    limits = Limits(file_bytes=100)
    for path, rule in (
        (tmp_path / "none.yml", "RB001"),
        (folder, "RB001"),
        (pipe, "RB001"),
        (tmp_path / "large.yml", "RB002"),
    ):
        result = read_yaml_file(path, shown_as="shown.yml", limits=limits)
        assert [(str(found.location), found.rule) for found in result.diagnostics] == [("shown.yml", rule)]
        assert result.root is None
    assert read_yaml_file(link, shown_as="x", limits=limits).root == {"a": 1}
    refused = read_yaml_file(link, shown_as="x", limits=limits, follow_links=False)
    assert [found.rule for found in refused.diagnostics] == ["RB001"]


SHORT = st.text(max_size=200)
YAMLISH = st.text(alphabet="ab:-[]{}&*!|>'\"%#,?~ \n\t\r0.<@`\\", max_size=120)


@given(st.one_of(SHORT, YAMLISH, YAMLISH.map(lambda text: text.encode()), st.binary(max_size=200)))
def test_nothing_crashes_the_reader_and_findings_are_inside_the_file(text):
    result = read(text)
    for found in result.diagnostics:
        line, column = found.location.line, found.location.column
        assert line == 0 or (1 <= line <= len(result.sources.lines) or not result.sources.lines)
        if line and result.sources.lines:
            assert 1 <= column <= len(result.sources.lines[line - 1]) + 1
    json.dumps(result.root, allow_nan=False)


# No control characters, no surrogates, nothing bidirectional, no unusual line ends: what a strict file may hold.
CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp", "Cn"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(CHARACTERS, max_size=20),
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(CHARACTERS, min_size=1, max_size=8).filter(lambda key: key != "<<"), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(DOCUMENTS, st.booleans(), st.booleans())
def test_what_pyyaml_writes_is_read_back_the_same(document, flow, old):
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data):
            return True

    text = yaml.dump(document, Dumper=Dumper, default_flow_style=flow, allow_unicode=True)
    result = read(text, yaml_1_1=old)
    assert [found for found in result.diagnostics if found.rule != "RB016"] == []
    assert result.root == document


@given(DOCUMENTS)
def test_json_is_yaml(document):
    result = read(json.dumps(document, ensure_ascii=False))
    # 1e+16 is a number in JSON, and a text for some readers of YAML: that is warned about.
    assert result.root == document or [found.rule for found in result.diagnostics if found.rule == "RB016"]


@given(YAMLISH)
def test_what_both_accept_means_the_same_as_in_pyyaml(text):
    result = read(text, yaml_1_1=True)
    if result.diagnostics:
        return
    try:
        expected = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return
    assert _comparable(result.root) == _comparable(expected)


def _comparable(value):
    """PyYAML's keys may be numbers; ours are text as written, so only the number of keys and the values are compared."""
    if isinstance(value, dict):
        return [_comparable(child) for child in value.values()]
    return [_comparable(child) for child in value] if isinstance(value, list) else value


@pytest.mark.parametrize("text", ["? a", "- a\n- ? b", "a:", "? a\n"])
def test_an_empty_value_at_the_end_has_a_place_inside_the_file(text):
    result = read(text)
    root = result.root if isinstance(result.root, dict) else result.root[1]
    (line, column) = next(iter(root.value_marks.values()))
    assert line <= len(result.sources.lines)
    assert column <= len(result.sources.lines[line - 1]) + 1
