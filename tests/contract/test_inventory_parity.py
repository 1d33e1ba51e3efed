"""The inventory reads and chooses as ansible-core does: against recorded answers always, against ansible-core where it is."""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.forks import helper

from runbook_engine.loading.inventory.as_graph import graph_lines
from runbook_engine.loading.inventory.as_json import ansible_inventory_json
from runbook_engine.loading.inventory.load import load_inventory
from runbook_engine.model.config import Limits
from runbook_engine.planning.targets import TargetPatternError, choose_targets

HERE = Path(__file__).parent
CORPUS = sorted((HERE / "inventory_corpus").iterdir())


class Oracle:
    """A running ansible-core that answers one question after another."""

    def __init__(self, python, home):
        self._process = subprocess.Popen(
            [python, str(HERE / "ansible_oracle.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"},
        )

    def ask(self, **request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"ansible-core ended with {self._process.wait()}"
        return json.loads(line)

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    python = os.environ.get("RUNBOOK_ANSIBLE_PYTHON")
    if not python and importlib.util.find_spec("ansible"):
        python = sys.executable
    if not python:
        pytest.skip("no ansible-core: let RUNBOOK_ANSIBLE_PYTHON name a Python that has it")
    oracle = Oracle(python, tmp_path_factory.mktemp("ansible-home"))
    yield oracle
    oracle.close()


def load(root, sources):
    return load_inventory([root / source for source in sources], name="parity", project=root, limits=Limits())


def choose(inventory, pattern, limit):
    try:
        return list(choose_targets(inventory, pattern, limit=limit))
    except TargetPatternError:
        return None


def request_of(case):
    return json.loads((case / "case.json").read_text())


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_recorded_inventories_are_read_as_ansible_read_them(case):
    request = request_of(case)
    loaded = load(case, request["sources"])
    assert loaded.inventory is not None, loaded.diagnostics
    assert as_printed(loaded.inventory) == unmarked(request["expected"]["list"])
    assert_same_choices(loaded.inventory, request["patterns"], request["expected"]["chosen"])


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_the_recorded_answers_are_those_of_ansible_core(case, oracle):
    """With RUNBOOK_RECORD_CORPUS=1 the answers are written anew."""
    request = request_of(case)
    sources = [str(case / source) for source in request["sources"]]
    answer = oracle.ask(sources=sources, project=str(case), patterns=request["patterns"])
    if os.environ.get("RUNBOOK_RECORD_CORPUS"):
        request["expected"] = answer
        (case / "case.json").write_text(json.dumps(request, indent=1, sort_keys=True) + "\n")
    assert request["expected"]["list"] == answer["list"]
    assert [sorted(names) for names in request["expected"]["chosen"]] == [sorted(names) for names in answer["chosen"]]


def as_printed(inventory):
    return json.loads(json.dumps(ansible_inventory_json(inventory)))


def assert_same_choices(inventory, patterns, answers):
    certain = order_is_certain(inventory)
    for (pattern, limit), theirs in zip(patterns, answers, strict=True):
        ours = choose(inventory, pattern, limit)
        if ours is None:
            # ansible-core only warns about a name that nobody knows; out of range or unreadable is an error in both.
            assert theirs is None or not set(pattern_names(pattern, limit)) <= {*inventory.groups, *inventory.targets}
        elif certain:
            assert ours == theirs, (pattern, limit)
        elif "[" not in f"{pattern}{limit}":
            assert sorted(ours) == sorted(theirs), (pattern, limit)


def unmarked(value):
    """Take away ansible-core's mark of text that is not to be rendered, which nothing is here."""
    if isinstance(value, dict):
        return (
            value["__ansible_unsafe"]
            if "__ansible_unsafe" in value
            else {key: unmarked(one) for key, one in value.items()}
        )
    return [unmarked(one) for one in value] if isinstance(value, list) else value


def order_is_certain(inventory):
    """ansible-core walks each level of groups as an unordered set: the order is certain if one group a level has children."""
    for name in inventory.groups:
        level = [name]
        while level:
            if sum(bool(inventory.groups[group].children) for group in level) > 1:
                return False
            level = [child for group in level for child in inventory.groups[group].children]
    return True


def pattern_names(pattern, limit):
    return [part.lstrip("&!") for part in f"{pattern},{limit or 'all'}".replace(":", ",").split(",")]


HOSTS = st.sampled_from([
    "web1", "web2", "web3", "db1", "app-1.example.com", "web[1:3]", "n[01:05:2]", "x[a:c]", "h[1:2]-[a:b].lan",
    "10.0.0.[1:2]", "web1:2222", "db1:33", "[fe80::1]:22", "under_score", "v[2:3]:44", "localhost",
])  # fmt: skip
GROUPS = st.sampled_from(["web", "db", "eu", "us", "prod", "g-1", "app", "all", "ungrouped"])
NAMES = st.sampled_from(["a", "b", "c", "address", "region"])
INI_VALUES = st.sampled_from([
    "1", "01", "1.5", "1e3", "True", "true", "None", "'x'", "x", "[1,'a',None]", "{'k':1,2:(1,2)}", "x=y", "1_000", "0x1f",
    "(1,2)", "{3}", "b'x'", "1+2j", "...", "", "-5", "1-2", "yes", "/opt/x", "*", "set()", "1,2", "a,b", "a;b", "é", "0o17",
    "[1", "'a", "u'x'", "r'x'", "-", "2026-01-01", "1:30", "'a''b'", "{}", "[]", "!x", "10.0.0.1", "f'x'", "a[0]", "_", "a:b",
])  # fmt: skip
QUOTED = st.sampled_from(
    ['"x y"', "'1'", '"a # b"', '" x "', '"it\'s"', '"[1, 2]"', "a#b", '"1"x', '\\"q\\"', '"True "']
)
VARS_ONLY = st.sampled_from(
    ["1 # c", "x # c", '"x y"', '"a" # c', "a = b", "x y", "[1, # c", "True # c", '"a', "it's", "#"]
)
YAML_VALUES = st.sampled_from([
    "1", "017", "1.5", "yes", "off", "NO", "true", "null", "~", "x", "'1'", '"a\\tb"', "[1, a, ~]", "{k: v, n: {m: 1}}", "1_000",
    "0x1f", "1:30", "1e3", "1.5e+3", "0b11", "-5", "x y", "2026-01-01", "''", "0.", "+1", "-.5", "!unsafe '{ x'", "Yes", "y", "N",
    "190:20:30", "1__0", "08", "0_7", "_1", ".5", "é", "1.", "'yes'", "null # c", "12e03", "-2E+5", "0o17",
    "{<<: {a: 1, b: 2}, b: 3}", "{<<: [{a: 1}, {a: 2, c: 3}]}", "!!str 1", "!unsafe [x, {k: '{{ y }}'}]",
])  # fmt: skip
PATTERNS = st.sampled_from([
    "all", "*", "web", "db", "web*", "*1", "eu", "web1", "~web[12]", "~.*b", "web[0]", "web[0:1]", "all[1:]", "all[-1]", "db[0]",
    "web*[1]", "n0?", "10.0.0.*", "ungrouped", "web[1-2]", "nobody", "web[123]", "x[ab]", "app-1.example.com", "g-1", "all[0:0]",
    "*.lan", "prod", "us", "~(", "all[2:1]", "fe80::1", "web:22", "under_score", "al*", "un*", "*e*[0:3]",
])  # fmt: skip


@st.composite
def ini(draw):
    lines, groups = [], ["web", "db", "eu", "us", "prod", "g-1", "app"]
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["hosts", "hosts", "hosts", "vars", "children", "top"]))
        group = draw(GROUPS)
        if kind == "hosts":
            lines.append(f"[{group}]" + draw(st.sampled_from(["", "", " # note"])))
        if kind in {"hosts", "top"}:
            if kind == "top" and any(line.startswith("[") for line in lines):
                continue
            for _ in range(draw(st.integers(0, 3))):
                assigned = [f"{draw(NAMES)}={draw(INI_VALUES | QUOTED)}" for _ in range(draw(st.integers(0, 2)))]
                lines.append("  ".join([draw(HOSTS), *assigned]))
        elif kind == "vars":
            lines.append(f"[{group}:vars]")
            for _ in range(draw(st.integers(0, 2))):
                name = draw(NAMES | st.just("ansible_group_priority"))
                value = draw(st.sampled_from(["2", "5"]) if "priority" in name else INI_VALUES | VARS_ONLY)
                lines.append(f"{name}{draw(st.sampled_from(['=', ' = ']))}{value}")
        else:
            lines.append(f"[{group}:children]")
            # Children come later in this list than their parents: no cycles, which are an error in both.
            below = groups[groups.index(group) + 1 :] if group in groups else groups if group == "all" else []
            lines.extend(draw(st.lists(st.sampled_from(below), max_size=3, unique=True)) if below else [])
        lines.append(draw(st.sampled_from(["", "# comment", "; comment", "   "])))
    return "\n".join(lines) + "\n"


@st.composite
def yaml_group(draw, groups, indent):
    pad, lines = "  " * indent, []
    if draw(st.booleans()):
        lines.append(f"{pad}hosts:")
        for host in draw(st.lists(HOSTS, max_size=3, unique=True)):
            lines.append(f"{pad}  {json.dumps(host)}:")
            for name in draw(st.lists(NAMES, max_size=2, unique=True)):
                lines.append(f"{pad}    {name}: {draw(YAML_VALUES)}")
    if draw(st.booleans()):
        lines.append(f"{pad}vars:")
        for name in draw(st.lists(NAMES | st.just("ansible_group_priority"), max_size=2, unique=True)):
            lines.append(f"{pad}  {name}: {'3' if 'priority' in name else draw(YAML_VALUES)}")
    if groups and draw(st.booleans()):
        lines.append(f"{pad}children:")
        for child in draw(st.lists(st.sampled_from(groups), max_size=2, unique=True)):
            lines.append(f"{pad}  {child}:")
            lines.extend(draw(yaml_group(groups[groups.index(child) + 1 :], indent + 2)))
    return lines


@st.composite
def yaml(draw):
    groups = ["web", "db", "eu", "us", "prod", "g-1", "app"]
    lines = []
    for name in draw(st.lists(st.sampled_from(["all", *groups]), min_size=1, max_size=3, unique=True)):
        lines.append(f"{name}:")
        lines.extend(draw(yaml_group(groups[groups.index(name) + 1 :] if name in groups else groups, 1)))
    return "\n".join(lines) + "\n"


@st.composite
def variables(draw):
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    return "".join(f"{name}: {draw(YAML_VALUES)}\n" for name in names)


VARS_PATHS = st.tuples(
    st.sampled_from(["inv/", "inv/", "", "inv/sub/"]),
    st.sampled_from(["group_vars/", "host_vars/"]),
    st.sampled_from(["all", "web", "db", "eu", "ungrouped", "web1", "n01", "localhost", "g-1"]),
    st.sampled_from(
        ["", ".yml", ".yaml", ".json", "/a.yml", "/b", "/sub/c.json", "/.h.yml", "/x~", "/y.txt", ".txt", "/s.d/q"]
    ),
).map("".join)


@st.composite
def trees(draw):
    files = {
        name: draw(yaml() if name.endswith(".yml") else ini())
        for name in draw(
            st.lists(
                st.sampled_from(["01-hosts", "02.yml", "03.ini", "hosts", "z.yml", "sub/in", "a.cfg", ".h", "b~"]),
                min_size=1,
                max_size=3,
                unique=True,
            )
        )
    }
    # A folder without any source is an error of ansible-core's in the oracle's mode; here it is a warning.
    files = {"inv/00": "", "inv/sub/00": "", **{f"inv/{name}": text for name, text in files.items()}}
    for path in draw(st.lists(VARS_PATHS, max_size=4, unique=True)):
        files[path] = draw(variables())
    if draw(st.booleans()):
        files["more.yml"] = draw(yaml())
    return files


@st.composite
def patterns(draw):
    parts = draw(
        st.lists(st.tuples(st.sampled_from(["", "", "", "!", "&"]), PATTERNS).map("".join), min_size=1, max_size=3)
    )
    return draw(st.sampled_from([",", ":"])).join(parts), draw(st.none() | PATTERNS)


def write(root, files):
    for name, text in files.items():
        path = root / name
        # The same name may be a file in one draw of a tree and a folder in another.
        with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@settings(
    max_examples=int(os.environ.get("RUNBOOK_PARITY_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(files=trees(), wanted=st.lists(patterns(), max_size=8))
def test_random_inventories_and_patterns_mean_the_same(oracle, files, wanted):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        write(root, files)
        sources = ["inv", *(["more.yml"] if "more.yml" in files else [])]
        answer = oracle.ask(sources=[str(root / source) for source in sources], project=str(root), patterns=wanted)
        loaded = load(root, sources)
    if "error" in answer:
        assert loaded.inventory is None, answer["error"]
        return
    assert loaded.inventory is not None, loaded.diagnostics
    assert as_printed(loaded.inventory) == unmarked(answer["list"])
    assert list(graph_lines(loaded.inventory)) == answer["graph"]
    assert list(graph_lines(loaded.inventory, variables=True)) == answer["graph_vars"]
    assert_same_choices(loaded.inventory, wanted, answer["chosen"])


@settings(
    max_examples=int(os.environ.get("RUNBOOK_PARITY_EXAMPLES", "60")) // 12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(files=trees(), limit=st.sampled_from([None, "all", "*1", "~.*[0-4]"]))
def test_the_command_line_prints_what_ansible_inventory_prints(oracle, files, limit):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        write(root, {**files, "runbook.toml": ""})
        sources = ["inv", *(["more.yml"] if "more.yml" in files else [])]
        paths = [str(root / source) for source in sources]
        answer = oracle.ask(sources=paths, project=str(root), limit=limit)
        listed = call(root, "list", paths, *(["--limit", limit] if limit else []))
        drawn = call(root, "graph", paths)
    if "error" in answer:
        assert (listed.returncode, listed.stdout, drawn.returncode) == (3, "", 3), answer["error"]
        return
    assert json.loads(listed.stdout) == unmarked(answer["list"]), listed.stderr
    assert drawn.stdout.splitlines() == answer["graph"]


def call(root, command, sources, *options):
    inventories = [word for source in sources for word in ("-i", source)]
    return helper().run(["inventory", command, *inventories, *options], cwd=root, env=os.environ, timeout=60)


EXPRESSIONS = st.sampled_from([
    "region", "a", "b | default('', true) ~ '-x'", "region | default('none')", "inventory_hostname", "a == 1", "a is defined", "missing",
    "'web' in group_names", "b | default('', true) | string | length > 2", "inventory_hostname_short", "group_names", "[]",
    "{'k': region | default('')}", "[a, 'x', '']", "a | default(3) | int + 1", "none", "''", "address is defined and a",
    "{'k': '', 'x.y': 'z-1'}", "true", "region is defined and region is string",
])  # fmt: skip


@st.composite
def constructed(draw):
    source = {"plugin": draw(st.sampled_from(["constructed", "ansible.builtin.constructed"]))}
    source["compose"] = draw(st.dictionaries(st.sampled_from(["made", "region", "a"]), EXPRESSIONS, max_size=2))
    source["groups"] = draw(st.dictionaries(st.sampled_from(["web", "odd-1", "new", "9x"]), EXPRESSIONS, max_size=2))
    source["keyed_groups"] = [draw(keyed()) for _ in range(draw(st.integers(0, 3)))]
    if draw(st.booleans()):
        source["leading_separator"] = draw(st.booleans())
    if draw(st.integers(0, 4)) == 0:
        source["strict"] = draw(st.sampled_from([True, "yes"]))
    if draw(st.booleans()):
        source["use_vars_plugins"] = draw(st.booleans())
    return source


@st.composite
def keyed(draw):
    entry = {"key": draw(EXPRESSIONS)}
    for name, values in (
        ("prefix", ["", "p", "is-a"]),
        ("separator", ["", "_", "-"]),
        ("parent_group", ["above", "prod", "{{ region }}"]),
    ):
        if draw(st.booleans()):
            entry[name] = draw(st.sampled_from(values))
    if entry["key"] == "group_names":
        entry.pop("parent_group", None)  # Ansible sees a new parent from the next host on, not from the next source
    choice = draw(st.integers(0, 3))
    return {**entry, **[{}, {}, {"default_value": "none"}, {"trailing_separator": False}][choice]}


@settings(
    max_examples=int(os.environ.get("RUNBOOK_PARITY_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    hosts=st.tuples(st.just("inv/01"), ini()) | st.tuples(st.just("inv/01.yml"), yaml()),
    source=constructed(),
    later=st.none() | ini(),
    beside=st.dictionaries(
        st.sampled_from(["all", "web", "eu", "db.yml"]).map("inv/group_vars/{}".format)
        | st.sampled_from(["web1", "n01.yml"]).map("inv/host_vars/{}".format),
        variables(),
        max_size=2,
    ),
)
def test_constructed_groups_and_variables_are_the_same(oracle, hosts, source, later, beside):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        write(
            root,
            {hosts[0]: hosts[1], "inv/02.yml": json.dumps(source), **({"inv/03": later} if later else {}), **beside},
        )
        answer = oracle.ask(sources=[str(root / "inv")], project=str(root))
        loaded = load(root, ["inv"])
    if "error" in answer:
        assert loaded.inventory is None, answer["error"]
        return
    assert loaded.inventory is not None, loaded.diagnostics
    assert as_printed(loaded.inventory) == unmarked(answer["list"])
