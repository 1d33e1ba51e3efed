"""What fuzzing begins with where an input has several parts, or names what the engine offers."""

import json
from pathlib import Path

from fuzz.events import one_of_each_kind
from runbook_engine.expressions.catalog import FILTER_NAMES, METHODS, TEST_NAMES

ROOT = Path(__file__).parents[2]
_SEALED = ROOT / "tests/unit/loading/inventory/vault_files"
_BORDER = "\x1e"


def _joined(*parts: str) -> bytes:
    return _BORDER.join(parts).encode()


_HOSTS = "[web]\nweb[1:3] region=eu tags=\"{'a': 'b'}\" n=1\n[db]\ndb1.example.com list=['x','y']\n[all:vars]\nempty=\n"
_SETTINGS = """plugin: constructed
strict: false
use_vars_plugins: true
leading_separator: false
compose:
  a: region | upper
  b: n + 1
  c: "'x' ~ inventory_hostname_short"
groups:
  eu: region == 'eu'
  always: true
keyed_groups:
  - {key: region, prefix: r, separator: '-', parent_group: regions}
  - {key: tags, default_value: none, prefix: ''}
  - {key: list, trailing_separator: false, parent_group: "{{ region }}"}
"""
_EC2 = """plugin: amazon.aws.aws_ec2
regions: [eu-west-1, us-east-1]
filters: {"tag:Env": [prod, "dev*"], instance-state-name: running}
include_filters: [{"tag:A": b}]
exclude_filters: [{instance-id: i-1}]
hostnames: [tag:Name, {name: private-ip-address, prefix: tag:Env, separator: "_"}, "dns-name", network-interface.addresses.private-ip-address]
hostvars_prefix: aws_
hostvars_suffix: _x
allow_duplicated_hosts: false
strict_permissions: false
use_contrib_script_compatible_ec2_tag_keys: true
use_contrib_script_compatible_sanitization: true
keyed_groups: [{key: placement.region, prefix: region}, {key: tags, prefix: tag}]
compose: {ansible_host: public_ip_address}
"""
_INSTANCES = [
    {
        "InstanceId": "i-1",
        "PrivateIpAddress": "10.0.0.1",
        "PublicDnsName": "",
        "State": {"Name": "running", "Code": 16},
        "Placement": {"AvailabilityZone": "eu-west-1a", "Tenancy": "default"},
        "LaunchTime": "2026-11-26T00:00:00Z",
        "Tags": [{"Key": "Name", "Value": "web,1"}, {"Key": "Env", "Value": "prod"}],
        "SecurityGroups": [{"GroupId": "sg-1", "GroupName": "x"}],
        "NetworkInterfaces": [{"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.1", "Primary": True}]}],
        "BlockDeviceMappings": [],
        "OwnerId": "1",
    },
    {"InstanceId": "i-2", "Tags": None},
]
_LISTED = {
    "web": {"hosts": ["web1", "web2"], "vars": {"a": [1, None]}, "children": ["db"]},
    "db": ["db1"],
    "alone": {"ansible_host": "10.0.0.9"},
    "_meta": {"hostvars": {"web1": {"x": {"__ansible_unsafe": "{{ y }}"}}}},
}
_SSH = """Host web* !web9
  HostName %h.example.com
  User=deploy
  Port 2222
  IdentityFile ~/.ssh/%r_%h
  ProxyJump a@b:22,[::1]:2200
  UserKnownHostsFile ~/known %d/more
Match originalhost web1 user deploy
  IdentitiesOnly yes
  ConnectTimeout 5m
Match host "x y" exec "true"
Include conf.d/* "quoted name"
Host *
  StrictHostKeyChecking accept-new
  ServerAliveInterval 3
  ServerAliveCountMax 2
  HostKeyAlias alias
  IdentityAgent none
  CertificateFile c
"""
_KNOWN = (
    "web1.example.com,10.0.0.1 ssh-ed25519 aw==\n@revoked * ssh-rsa a2V5\n@cert-authority *.example.com ssh-rsa a2V5\n"
    "|1|aGFzaA==|aGFzaGVk ssh-ed25519 aw==\n[web1]:2222,!x? ssh-rsa !!!\n# c\n"
)
_VARIABLES = (
    "ansible_host=web1 ansible_port=2222 ansible_user=x ansible_ssh_private_key_file=~/k"
    " ansible_ssh_common_args='-o ProxyJump=b -o \"User x\" -i k -p 22 -l me -J c,d'"
    " ansible_aws_ssm_instance_id=i-0123456789abcdef0 ansible_aws_ssm_region=eu-west-1 ansible_connection=aws_ssm"
)
_BOOK = """runbook: x
title: "T"
inputs:
  n: {type: integer, default: 3, minimum: 1, maximum: 9}
  s: {type: string, pattern: "^a+$", default: aa}
  c: {type: string, choices: [a, b], default: a}
  l: {type: list, default: [1, 2]}
  d: {type: duration, default: 5m}
  b: {type: boolean, default: false}
  f: {type: number, default: 1.5}
vars: {v: "{{ n }}-{{ region | default('x') }}"}
objectives: {rto: 1h, rpo: 5m}
steps:
  - id: a
    targets: app
    vars: {w: "{{ v }}"}
    when: n > 2 and b == false
    command.run: {argv: [echo, "{{ w }}", "{{ item }}"]}
    loop: "{{ l }}"
    retry: {attempts: 2, delay: 1s}
    timeout: 30s
  - id: b
    needs: [a]
    targets: localhost
    on_failure: hold
    batch: ["50%", 1]
    max_failures: 10%
    assert.that: {that: ["steps.a.exit_status == 0"], msg: "{{ run.id }}"}
  - id: c
    gate.approval: {message: "go on with {{ c }}?", roles: [director], expires: 10m}
    needs: [b]
  - id: d
    always: true
    file.copy: {content: "{{ secret('env:X') }}", dest: /tmp/x}
    targets: "app:&all:!web*"
  - include: other.yml
"""
_ARGUMENTS = (
    "",
    "'a'",
    "2",
    "'a', 'b'",
    "attribute='a'",
    "'(a+)b', '\\\\1'",
    "[1]",
    "true",
    "{'a': 1}",
    "default=1, base=16",
)
_VALUES = (
    "n",
    "text",
    "list",
    "map",
    "hostile",
    "steps.many.targets",
    "secret('env:A')",
    "nothing",
    "groups",
    "1.5",
    "none",
)

MORE: dict[str, list[bytes]] = {
    "expression": [
        *(
            f"{{{{ {_VALUES[(number + at) % len(_VALUES)]} | {name}({_ARGUMENTS[(number + at) % len(_ARGUMENTS)]}) }}}}".encode()
            for number, name in enumerate(sorted(FILTER_NAMES))
            for at in (0, 5)
        ),
        *(
            f"{_VALUES[number % len(_VALUES)]} is {name} {'list' if number % 3 else ''}".encode()
            for number, name in enumerate(sorted(TEST_NAMES))
        ),
        *(f"{{{{ (text ~ map).{name}('a') or map.{name}('a') }}}}".encode() for name in sorted(METHODS)),
        _joined("{{ var }}-{{ twice }}{{ own.1.k }}", "{{ n }}{{ secret('file:x') | b64encode }}"),
        _joined("{{ var }}", "{% for i in list %}{{ loop.index }}{{ loop.last }}{% else %}x{% endfor %}"),
        _joined("steps.later.x and steps['many'].targets['db'].x == item.name", ""),
        _joined("{% if sealed %}{% elif map.a %}{% endif %}{{ 'x' if sealed else [sealed, sealed ~ 'y'] }}", ""),
        _joined("{{ {'a': sealed, 'b': [secret('env:B') | urlencode]} | to_json }}{{ hostvars.web1.sealed | quote }}", ""),
        _joined("{% set ns = [1, 2][0:1] %}{{ -n // 2 % 3 ** 2 }}{{ n in list and not n is odd }}{{ 'a' 'b' }}{{ (1, 2) }}", ""),
        _joined("{% filter upper %}a{% endfilter %}{% include 'x' %}{% import 'y' as z %}{{ loop }}{{ self }}{{ cycler }}", ""),
    ],
    "inventory": [(_SEALED / "values.yml").read_bytes(), (_SEALED / "whole.yml").read_bytes()],
    "constructed": [_joined(_HOSTS, _SETTINGS, "region: us\n"), _joined("a\n", "plugin: constructed\nstrict: yes\n", "")],
    "program": [_joined(json.dumps(_LISTED), "{}"), _joined('{"web": ["a", "b"]}', '{"x": {"__ansible_vault": "y"}}'), b"{}"],
    "instances": [_joined(_EC2, json.dumps(_INSTANCES)), _joined("plugin: aws_ec2\nregions: [a]\n", json.dumps(_INSTANCES))],
    "record": [b"\n".join(one_of_each_kind()), *(b"\n".join(one_of_each_kind()[at : at + 9]) for at in range(0, 80, 5))],
    "answer": [
        b"login noise\n@ state done 3\n\n@ out 0\nhello\xff\n\n@ err 12\nwarn\n\n@ end\n",
        b"@ verdict killed\n@ state running 5\n@ out 1\n\n@ err 0\n\n@ end\n",
        b"@ exists\n\n@ end\n",
        b"@ refused no space\n\n@ end\n",
        *(b"@ state " + one + b"\n\n@ end\n" for one in (b"lost", b"orphans 2", b"lost-reboot", b"absent", b"done")),
    ],
    "ssh": [_joined(_SSH, _KNOWN, _VARIABLES), _joined("Include config\n", _KNOWN, ""), _joined("", _KNOWN, _VARIABLES)],
    "plan": [
        _joined(_BOOK, "@given.yml", "app", ""),
        _joined(_BOOK.replace("  - include: other.yml\n", ""), "n=4\nl=[1,2]\nc=b\nd=1m\nb=true\nf=2.5\ns=aaa", "app", ""),
        _joined(_BOOK.replace("  - include: other.yml\n", ""), "n=10\nl=a\nc=x\nd=soon\nb=maybe\nf=x\ns=b\nu=1", "", ""),
        _joined(_BOOK.replace("  - include: other.yml\n", ""), '{"n": 5, "l": ["x"]}', "all:!app", ""),
        _joined(_BOOK.replace("  - include: other.yml\n", ""), "", "", ""),
        *(path.read_bytes() for path in sorted(ROOT.glob("runbook_engine/app/starter/runbooks/*.yml"))),
        *(path.read_bytes() for path in sorted(ROOT.glob("runbooks/*.yml"))),
        _joined("runbook: x\nsteps:\n  - {id: a, targets: web, command.run: {argv: ['{{ x }}']}}\n", "", "web1", "web: {hosts: {web1: {x: 1}}}"),
    ],
}  # fmt: skip
