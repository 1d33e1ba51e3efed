"""What fuzzing begins with: all files that this repository ships, some that are odd, and what was found before."""

from pathlib import Path

from fuzz.seeds_more import MORE
from fuzz.seeds_others import OTHERS

ROOT = Path(__file__).parents[2]
FOUND = Path(__file__).with_name("found")
_SHIPPED = {
    "runbook": ["runbooks/*.yml", "runbook_engine/app/starter/runbooks/*.yml"],
    "team": ["team.yml", "runbook_engine/app/starter*/team.yml"],
    "config": ["runbook.toml", "runbook_engine/app/starter*/runbook.toml"],
    "inventory": ["inventories/*/*.yml", "inventories/*/group_vars/*", "tests/contract/inventory_corpus/*/*"],
    "expression": [],
    "layout": ["runbooks/*.yml", "team.yml", "inventories/*/hosts.yml"],
    "playbook": [],
    "cases": [],
    "journal": [],
}
_WRITTEN = {
    "expression": [
        "{{ region }}-{{ n + 1 }}",
        "n > 2 and 'eu' in region",
        "{% for x in range(3) %}{{ x }}{% endfor %}",
        "{{ hostvars.web1.list | join(',') | upper }}",
        "{{ steps['a'].outputs.b | default({}) | to_json }}",
        "{{ [1, 2] | map('string') | list | sort | unique | first }}",
        "{% set a = {'b': [1]} %}{{ a.b[0] ** 9 }}{# c #}{% raw %}{{{% endraw %}",
        "{{ text | regex_replace('(a+)+b', 'x') | replace('a', 'b') | length }}",
        "{{ '%s' | format(n) }}{{ text is match('a') }}{{ groups.all }}{{ target.name }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}{{ ''.__class__ }}",
        "{{ secret('env:X') }}{{ 9 ** 9 ** 9 }}{{ 'a' * 999999999 }}",
    ],
    "playbook": [
        """- name: Site
  hosts: web:db
  become: yes
  vars: {a: 1, b: "{{ a }}"}
  serial: [1, "30%"]
  handlers:
    - name: restart
      service: {name: nginx, state: restarted}
  roles: [common, {role: web, when: x}]
  tasks:
    - name: copy
      copy: src=a dest=/b mode=0600
      register: r
      until: r is succeeded
      retries: 3
      delay: 2
      loop: "{{ list }}"
    - block:
        - shell: "a | b"
          args: {chdir: /tmp, creates: /x}
          environment: {A: b}
      rescue:
        - debug: msg=x
      always:
        - ansible.builtin.command: {argv: [a, "b c"]}
      when: [a, b]
      tags: x,y
    - uri: {url: "http://x", status_code: [200, 302], method: POST, body: {a: 1}, body_format: json}
    - wait_for: {host: a, port: 80, timeout: 9}
    - include_tasks: more.yml
    - pause: {minutes: 2, prompt: x}
    - assert: {that: [a == 1], fail_msg: no}
    - lineinfile: {path: /a, regexp: '^a', line: b}
    - set_fact: {a: 1}
- import_playbook: other.yml
""",
    ],
    "cases": [
        """runbook: restore-settings
inventory: local
cases:
  - name: asked first
    inputs: {ask: true}
    mode: live
    limit: app
    given: {restore: {fails: boom, times: 1, takes: 5s}, activate: {outputs: {exit_code: 3}}, declare: {unchanged: true}}
    answers: {declare: approve, restore: retry}
    skip: {activate: not today}
    expect: {status: succeeded, outcomes: {restore: changed}, order: [declare, restore], attempts: {restore: 2}}
  - name: all is well
    expect: {status: succeeded, not_begun: [declare], messages: {staff: []}}
""",
        "runbook: restore-settings\ninventory: local\ncases:\n  - name: well\n    expect: {status: succeeded}\n",
    ],
    "config": [
        """inventory = "local"
journal = "sqlite:///.runbook/journal.db"
plugins = ["plugins"]
[rules]
RB215 = "off"
[limits]
depth = 9
[defaults]
timeout = "5m"
[monitor]
every = "1m"
"""
    ],
    "layout": ["a:   {b: [1,  2], c: &x y}\n# d\ne: |+\n  f\n\n\ng: *x\nh: 'i''j'\nk: >-\n   l\n   m\n? n\n: o\n- \n"],
    "inventory": [
        "web[01:03] ansible_host=10.0.0.[1:3]\n[web:children]\ndb\n[db:vars]\na='b c'\nd=[1, {'e': 2}]\n[db]\nx y=1 # z\n",
        "all:\n  hosts: {a: {ansible_port: 22}, 'b[1:3]': }\n  children: {c: {hosts: {a: }, vars: {d: !vault x}}}\n",
    ],
}
_JOURNAL = [
    b"P\x00\x10\x20\xff",
    b"\x00\x01{}\n\x00\x1217\n\x00\x20NULL",
    b"\x00\x05\xff\xfe\n\x00\x09[[[[",
    b"\x00\x0a" + b"9" * 30,
]


def seeds(target: str) -> list[bytes]:
    """Give the inputs to begin with, always in the same order."""
    paths = [path for pattern in _SHIPPED.get(target, ()) for path in sorted(ROOT.glob(pattern)) if path.is_file()]
    texts = [path.read_bytes() for path in paths] + [text.encode() for text in _WRITTEN.get(target, ())]
    return [
        *texts,
        *OTHERS.get(target, ()),
        *MORE.get(target, ()),
        *(_JOURNAL if target == "journal" else ()),
        *found(target).values(),
    ]


def found(target: str) -> dict[str, bytes]:
    """Give what broke a target once, by name."""
    folder = FOUND / target
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))} if folder.is_dir() else {}
