"""Templates that would hang the engine, eat its memory or escape: each in a process with limits of its own."""

import json
import subprocess
import sys

import pytest

from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.render import render

_RUN = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000,) * 2)
from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.render import render
from runbook_engine.expressions.scope import Scope
try:
    print(json.dumps(len(str(render(sys.stdin.read(), Scope(inputs={"big": "a" * 100_000})).value))))
except TemplateError as error:
    print(json.dumps(error.message))
"""
_DOUBLING = "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40
_HOSTILE = {
    "nested loops": "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}",
    "three loops": "{% for a in [1] %}{% for b in [1] %}{% for c in [1] %}{% endfor %}{% endfor %}{% endfor %}",
    "huge range": "{{ range(10 ** 18) }}",
    "huger range": "{{ range(10 ** 40) }}",
    "power": "{{ 9 ** (9 ** 9) }}",
    "number in base 16": "{{ ('f' * 100000) | int(0, 16) }}",
    "number in base 16, deep in": "{{ [{'a': ('f' * 100000) | int(0, 16)}] | to_json }}",
    "literal in base 2": "{{ 0b" + "1" * 20_000 + " }}",
    "power of big": "{% set x = 2 ** 4000 %}{{ x * x * x }}",
    "repeat text": "{{ 'a' * 10 ** 10 }}",
    "repeat list": "{{ [1] * 10 ** 9 }}",
    "doubling text": "{% set a = 'aaaaaaaa' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "adding text": "{% set a = 'aaaaaaaa' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "doubling lists": _DOUBLING + "{{ a }}",
    "comparing shared lists": _DOUBLING + _DOUBLING.replace("a ", "b ").replace("a,", "b,").replace("a]", "b]") + "{{ a == b }}",
    "flattening shared lists": _DOUBLING + "{{ a | flatten }}",
    "doubling mappings": "{% set a = {} %}" + "{% set a = {'x': a, 'y': a} %}" * 40 + "{{ a | to_json }}",
    "long output": "{% for a in range(1000) %}{{ big }}{% endfor %}",
    "long constant output": "{% for a in range(10000) %}" + "x" * 1000 + "{% endfor %}",
    "wide format": "{{ '%999999999d' % 1 }}",
    "wide format by star": "{{ '%*d' % (999999999, 1) }}",
    "precise format": "{{ '%.999999999f' | format(1.5) }}",
    "wide format behind parentheses in a key": "{{ '%(a(b)9)999999999d' % {'a(b)9': 1} }}",
    "wide format behind a percent sign": "{{ '%%(%999999999d)' % 1 }}",
    "keys of a format without end": "{{ ('%(' * 400000) % {} }}",
    "many formats": "{{ ('%(a)s' * 100000) % {'a': big} }}",
    "replace grows": "{{ big | replace('a', big) }}",
    "replace method grows": "{{ big.replace('a', big) }}",
    "replace empty grows": "{{ big | replace('', big) }}",
    "join grows": "{{ [big] * 100 | join(big) }}",
    "indent grows": "{{ ('\\n' * 100000) | indent(100, blank=true) }}",
    "json indent grows": "{{ range(10000) | list | to_json(indent=99999) }}",
    "regex exponential": "{{ ('a' * 40 ~ 'b') | regex_search('^(a+)+$') }}",
    "regex branches": "{{ ('a' * 60 ~ 'b') | regex_search('^(a|a)*$') }}",
    "regex polynomial": "{{ big | regex_search('a*a*a*a*a*b') }}",
    "regex memory": "{{ big | regex_findall('(?=(.*))') }}",
    "regex test": "{{ ('a' * 40 ~ 'b') is match('(a*)*$') }}",
    "regex back reference": "{{ big | regex_search('(a*)(a*)\\\\1\\\\2b') }}",
    "regex empty repeat": "{{ 'x' | regex_search('(?:(?:)*){1000000000}y') }}",
    "deep parentheses": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "deep lists": "{{ " + "[" * 500 + "]" * 500 + " }}",
    "deep attributes": "{{ a" + ".b" * 5000 + " }}",
    "deep not": "{{ " + "not " * 5000 + "1 }}",
    "long sum": "{{ " + "1+" * 5000 + "1 }}",
    "deep if": "{% if 1 %}" * 500 + "{% endif %}" * 500,
    "huge number": "{{ " + "9" * 100_000 + " }}",
    "many braces": "{{" * 100_000,
    "long template": "{{ 1 }}" * 200_000,
    "sorting work": "{% for a in range(10000) %}{{ range(10000) | sort | length }}{% endfor %}",
    "list in loop": "{% for a in range(10000) %}{% if 'b' in big %}{% endif %}{% endfor %}",
}  # fmt: skip


@pytest.mark.parametrize("name", _HOSTILE)
def test_no_template_hangs_or_eats_memory(name):
    run = [sys.executable, "-c", _RUN]
    done = subprocess.run(run, input=_HOSTILE[name], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout)
    assert isinstance(answer, str), f"it was rendered, to {answer} characters"
    assert len(answer) < 400


_ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ n.__init__.__globals__ }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ ''.format.__globals__ }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ ('{0.__class__}' | format(1)).x }}",
    "{{ range.__init__ }}",
    "{{ secret.__globals__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ lipsum }}",
    "{{ namespace() }}",
    "{{ dict(a=1) }}",
    "{{ joiner() }}",
    "{{ loop }}",
    "{% for x in [1] %}{{ loop }}{% endfor %}",
    "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop['_iterator'] }}{% endfor %}",
    "{% for x in [1] %}{{ loop.cycle('a') }}{% endfor %}",
    "{{ [1].append(2) }}",
    "{{ n.bit_length() }}",
    "{{ 'x'.join(*[1]) }}",
    "{{ [1] | map(attribute='__class__') | list | first.mro() }}",
    "{{ _weigh }}",
    "{{ 1 | _method('upper') }}",
    "{{ [1] | map('_method', 'upper') }}",
    "{{ [''] | map('attr', '__class__') }}",
    "{% extends 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% block x %}{% endblock %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with x = 1 %}{% endwith %}",
    "{% set ns.x = 1 %}",
    "{% do x %}",
    "{% set __x = 1 %}",
    "{{ steps.__class__ }}",
    "{{ hostvars._inventory }}",
    "{{ hostvars['web1'].__class__ }}",
]


@pytest.mark.parametrize("template", _ESCAPES)
def test_no_way_out_of_the_sandbox(make_scope, template):
    with pytest.raises(TemplateError):
        render(template, make_scope(inputs={"n": 3}, steps={}))


def test_data_reaches_no_attributes_of_python(make_scope):
    assert render("{{ [''] | map(attribute='__class__') | list }}", make_scope()).value == [None]
