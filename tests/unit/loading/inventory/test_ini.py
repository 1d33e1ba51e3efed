import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_engine.loading.inventory.draft import Draft
from runbook_engine.loading.inventory.findings import Findings
from runbook_engine.loading.inventory.ini import read_ini
from runbook_engine.loading.inventory.literals import read_literal


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("[web servers]", "RB306"),
        ("[web:hostss]", "RB306"),
        ("web1 novalue", "RB306"),
        ("web1 =x", "RB306"),
        ('web1 a="open', "RB306"),
        ("web[1:x]", "RB310"),
        ("web[1:", "RB310"),
        ("web[3:1]", "RB310"),
        ("web[1:9:0]", "RB310"),
        ("web[01:100]", "RB310"),
        ("web[a:9]", "RB310"),
        ("web[1]", "RB310"),
        ("web1:", "RB310"),
        ("---", "RB306"),
        ("web1 a=1e999", "RB306"),
        ("-oProxyCommand=x", "RB309"),
        ("'' a=1", "RB309"),
        ("'a b' a=1", "RB309"),
        ("web\u200b1", "RB309"),
        ("x" * 256, "RB309"),
        ("web[1:100001]", "RB319"),
        ("w[1:999999999][1:999999999]", "RB319"),
    ],
)
def test_a_bad_line_is_refused_at_its_place_and_the_rest_is_read_on(project, line, rule):
    found = project.findings(f"good1\n\n{line}\n[web]\n-bad\n")
    assert found == [(rule, 3), ("RB309", 5)]


@pytest.mark.parametrize(
    "hidden", ["\x1b[31m", "\u202e", "\x0c[prod]", "\u2028[prod]\u2028", "\x85web9", "\rweb9", "\x00"]
)
def test_characters_that_hide_something_are_refused_in_comments_too(project, hidden):
    assert project.findings(f"web1\nweb2 # {hidden}\nweb3\n") == [("RB306", 2)]


def test_lines_may_end_as_on_windows(project):
    assert list(project.good("web1\r\n[web]\r\nweb2\r\n").targets) == ["web1", "web2"]


def test_lines_of_a_section_of_unknown_kind_are_not_taken_for_hosts(project):
    assert project.findings("[web:varz]\na=1\nb\n") == [("RB306", 1)]


@pytest.mark.parametrize(
    ("text", "line"),
    [("[prod:children]\nwbe\n[web]\n", 2), ("[wbe:vars]\na=1\n[web]\n", 1), ("[a:children]\nb\n[b:vars]\nx=1\n", 2)],
)
def test_groups_that_nobody_defines_are_errors(project, text, line):
    assert project.findings(text) == [("RB307", line)]


def test_the_undefined_group_comes_with_a_suggestion(project):
    project.write("hosts", "[prod:children]\nwbe\n[web]\n")
    assert '"web"' in project.load().diagnostics[0].hint


def test_a_group_may_be_defined_by_an_earlier_source(project):
    project.write("one", "[web]\nweb1\n")
    project.write("two", "[web:vars]\na=1\n[prod:children]\nweb\n")
    inventory = project.load("one", "two").inventory
    assert inventory.targets["web1"].variables == {"a": 1}
    assert inventory.targets["web1"].groups == ("prod", "web")


def test_a_cycle_is_shown_as_a_path(project):
    project.write("hosts", "[a:children]\nb\n[b:children]\nc\n[c:children]\na\n[d]\nx\n")
    [finding] = project.load().diagnostics
    assert finding.rule == "RB308"
    assert finding.location.line
    names = finding.message.split(": ")[1].split(" > ")
    assert names[0] == names[-1]
    assert set(names) == {"a", "b", "c"}


def test_all_below_another_group_and_a_group_below_itself_are_cycles(project):
    assert [rule for rule, _ in project.findings("[web:children]\nall\n")] == ["RB308"]
    assert [rule for rule, _ in project.findings("[web:children]\nweb\n")] == ["RB308"]


@pytest.mark.parametrize("text", ["[ungrouped:children]\nweb\n[web]\n", "[web:children]\nungrouped\n"])
def test_ungrouped_takes_no_part_in_the_tree(project, text):
    assert project.findings(text) == [("RB308", 2)]


def test_groups_nested_too_deep_are_refused(project):
    text = "".join(f"[g{number}:children]\ng{number + 1}\n" for number in range(70)) + "[g70]\nx\n"
    assert [rule for rule, _ in project.findings(text)] == ["RB308"]


def test_group_priority_must_be_a_number(project):
    assert project.findings("[web]\n[web:vars]\nansible_group_priority=high\n") == [("RB318", 3)]


def test_a_comment_may_be_in_another_encoding_but_a_host_may_not(project):
    assert project.good(b"# caf\xe9\nweb1\n").targets
    assert project.findings(b"web1\nweb\xe9\n") == [("RB306", 2)]


def test_a_byte_order_mark_is_no_part_of_the_first_name(project):
    assert list(project.good(b"\xef\xbb\xbfweb1\n").targets) == ["web1"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1, 'a', None, (2,)]", [1, "a", None, [2]]),
        ("{'f', 'b', 'a', 'd', 'e', 'c'}", ["a", "b", "c", "d", "e", "f"]),
        ("{1: True, None: 2, False: 3, 1.5: 4}", {"1": True, "null": 2, "false": 3, "1.5": 4}),
        ("{(1, 2): 3}", "{(1, 2): 3}"),
        ("b'\\xff'", "b'\\xff'"),
        ("{{ x }}", "{{ x }}"),
        ("{{1}}", "{{1}}"),
        ("9" * 5000, "9" * 5000),
        ("-" * 50 + "1", "-" * 50 + "1"),
        ("[" * 1000, "[" * 1000),
        ("__import__('os').getcwd()", "__import__('os').getcwd()"),
        ("\x00", "\x00"),
    ],
)
def test_literals_become_json_and_everything_else_stays_text(text, value):
    assert read_literal(text) == value
    assert type(read_literal(text)) is type(value)


def test_infinity_is_refused_wherever_it_hides():
    for text in ("1e999", "-1e999", "[1, {'a': 1e999}]"):
        with pytest.raises(ValueError, match="infinity"):
            read_literal(text)


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "0o" + "7" * 9000, "-0b" + "1" * 19_000])
@pytest.mark.parametrize("where", ["{}", "[1, {{'a': {}}}]", "{{{}: 1}}", "{{1, ({},)}}"])
def test_numbers_that_python_reads_and_can_not_write_are_refused(where, number):
    with pytest.raises(ValueError, match="digits"):
        read_literal(where.format(number))


FRAGMENTS = st.sampled_from(
    [
        "[web]",
        "[web:vars]",
        "[web:children]",
        "a=1",
        "web[1:3]",
        ":",
        "[",
        "]",
        '"',
        "'",
        "\\",
        "#",
        "=",
        "\n",
        "\t",
        "\x00",
        "é",
    ]
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.text() | st.lists(FRAGMENTS).map("".join))
def test_any_text_ends_in_a_draft_and_findings_inside_the_file(text):
    findings = Findings()
    read_ini(text, "f", Draft(findings, most_hosts=1000))
    assert all(1 <= one.location.line <= len(text.splitlines()) for one in findings.sorted())


def test_findings_stop_growing(project):
    assert len(project.findings("[x y]\n" * 5000)) == 1000


def test_no_number_of_warnings_hides_an_error(project):
    warnings = "".join(f"h{number} a-b{number}=1\n" for number in range(1200))
    found = project.findings(f"{warnings}-x\n")
    assert [one for one in found if one[0] != "RB321"] == [("RB309", 1201)]
