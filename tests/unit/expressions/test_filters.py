import hashlib

import pytest

from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.render import render


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("x | default('d')", "d"),
        ("x.y['z'].w | d(4)", 4),
        ("'' | default('d')", ""),
        ("'' | default('d', true)", "d"),
        ("x is defined", False),
        ("n is defined and n is not none", True),
        ("{'b': [1, 'ü']} | to_json", '{"b": [1, "\\u00fc"]}'),
        ("{'b': 1, 'a': 2} | to_nice_json(indent=2)", '{\n  "a": 2,\n  "b": 1\n}'),
        ("'[1, null]' | from_json", [1, None]),
        ("{'a': [1]} | to_yaml", "a:\n- 1\n"),
        ("'ü' | b64encode | b64decode", "ü"),
        ("'ü' | b64encode", "w7w="),
        ("'a-b_c' | regex_replace('([a-z])-([a-z])', '\\\\2\\\\1')", "ba_c"),
        ("'AbA' | regex_replace('a', 'x', ignorecase=true)", "xbx"),
        ("'v1.22' | regex_search('[0-9]+')", "1"),
        ("'v1.22' | regex_search('(\\\\d+)\\\\.(?P<m>\\\\d+)', '\\\\1', '\\\\g<m>')", ["1", "22"]),
        ("'abc' | regex_search('x')", None),
        ("'a1b22' | regex_findall('[0-9]+')", ["1", "22"]),
        ("'a1b22' | regex_findall('([a-z])([0-9])')", [["a", "1"], ["b", "2"]]),
        ("'a,b' | split(',')", ["a", "b"]),
        ("' a  b ' | split", ["a", "b"]),
        ("[1, 'b'] | join('-')", "1-b"),
        ("[{'n': 1}, {'n': 2}] | join(',', attribute='n')", "1,2"),
        ("'Ab' | lower ~ 'b' | upper ~ ' x ' | trim", "abBx"),
        ("'aXb' | replace('X', '-')", "a-b"),
        ("'12' | int + 1", 13),
        ("'x' | int(7)", 7),
        ("'ff' | int(0, 16)", 255),
        ("'1.5' | float * 2", 3.0),
        ("'Yes' | bool or 'off' | bool", True),
        ("3 | string ~ 4", "34"),
        ("'ab' | list", ["a", "b"]),
        ("{'a': 1} | list", ["a"]),
        ("[1, 2] | length + {'a': 1} | count", 3),
        ("[3, 1, 2] | first + [3, 1, 2] | last", 5),
        ("[2, 1, 2, [1], [1]] | unique", [2, 1, [1]]),
        ("['b', 'A', 'c'] | sort", ["A", "b", "c"]),
        ("[{'k': 2}, {'k': 1}] | sort(attribute='k', reverse=true)", [{"k": 2}, {"k": 1}]),
        ("[3, 1, 2] | min + [3, 1, 2] | max", 4),
        ("[1, 2.5] | sum", 3.5),
        ("[{'k': 2}, {'k': 1}] | sum(attribute='k')", 3),
        ("['a', 'b'] | map('upper') | list", ["A", "B"]),
        ("[{'a': {'b': 1}}, {}] | map(attribute='a.b', default=0) | list", [1, 0]),
        ("[1, 2, 3, 4] | select('even') | list", [2, 4]),
        ("[1, 2, 3, 4] | reject('gt', 2) | list", [1, 2]),
        ("[0, 1, ''] | select | list", [1]),
        ("[{'a': 1}, {'a': 2}, {}] | selectattr('a', 'eq', 1) | list", [{"a": 1}]),
        ("[{'a': 1}, {}] | rejectattr('a', 'defined') | list", [{}]),
        ("{'a': 1} | items | list", [["a", 1]]),
        ("{'a': 1} | dict2items", [{"key": "a", "value": 1}]),
        ("[{'key': 'a', 'value': 1}] | items2dict", {"a": 1}),
        ("{'a': {'x': 1}, 'b': 1} | combine({'a': {'y': 2}}, {'b': 2})", {"a": {"y": 2}, "b": 2}),
        ("{'a': {'x': 1}} | combine({'a': {'y': 2}}, recursive=true)", {"a": {"x": 1, "y": 2}}),
        ("(1 == 1) | ternary('y', 'n') ~ false | ternary('y', 'n')", "yn"),
        ("'/a/b.c' | basename ~ '/a/b.c' | dirname", "b.c/a"),
        ("'x' | hash('sha256')", hashlib.sha256(b"x").hexdigest()),
        ('"it\'s" | quote', "'it'\"'\"'s'"),
        ("'a b/c' | urlencode", "a%20b/c"),
        ("{'q': 'a b/c', 'r': 1} | urlencode", "q=a%20b%2Fc&r=1"),
        ("[1, 2, 2, 3] | difference([2])", [1, 3]),
        ("[1, 2, 3] | intersect([3, 2])", [2, 3]),
        ("[1, 2] | union([2, 3])", [1, 2, 3]),
        ("[1, [2, [3, none]]] | flatten", [1, 2, 3]),
        ("[1, [2, [3]]] | flatten(levels=1)", [1, 2, [3]]),
        ("[1, 2] | zip(['a', 'b', 'c']) | list", [[1, "a"], [2, "b"]]),
        ("'%s=%d' | format('a', 1)", "a=1"),
        ("'a\nb' | indent(2)", "a\n  b"),
        ("2.567 | round(1)", 2.6),
        ("'b' in 'abc' and 2 in [1, 2] and 'k' in {'k': 1}", True),
        ("'web1' is match('web') and 'a web' is search('web')", True),
        ("[1] is subset([1, 2]) and [1, 2] is contains(1)", True),
        ("4 is divisibleby(2) and 3 is odd and 'x' is string and {} is mapping", True),
    ],
)
def test_filters_and_tests(make_scope, expression, value):
    result = render("{{ " + expression + " }}", make_scope(inputs={"n": 3})).value
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("'{' | from_json", "not JSON"),
        ("('[' * 50000) | from_json", "nested too deep"),
        ("'?' | b64decode", "not Base64"),
        ("[] | first", "empty list"),
        ("[] | max", "empty list"),
        ("5 | length", "length needs"),
        ("'x' | hash('crc')", "there are md5"),
        ("'x' | regex_search('(')", "not a regular expression"),
        ("'x' | regex_search('x', '\\\\1')", "no group"),
        ("'x' | regex_replace('x', '\\\\2')", "does not fit the pattern"),
        ("['a'] | sum", "sum needs numbers"),
        ("[1, 'a'] | sort", "can't evaluate"),
        ("[1] | map", "map needs"),
        ("[1] | selectattr", "need the name"),
        ("'x' | pprint", "no filter 'pprint'"),
        ("[1, 2] | random", "no filter 'random'"),
        ("'x' | attr('y')", "no filter 'attr'"),
        ("4 is divisibleby(0)", "divisible by 0"),
    ],
)
def test_filters_say_what_they_can_not_do(make_scope, expression, message):
    with pytest.raises(TemplateError) as caught:
        render("{{ " + expression + " }}", make_scope())
    assert message in caught.value.message
