"""Hostile YAML ends in a finding with a line, in bounded memory and time; each file is read by a process of its own."""

import json
import subprocess
import sys

import pytest

READER = """
import json, resource, sys
# Address space, which is more than memory in use: the interpreter with its libraries takes about 100 MB of it.
resource.setrlimit(resource.RLIMIT_AS, (400_000_000, 400_000_000))
# Processor time, which other work on the machine does not change; a bomb would take minutes.
resource.setrlimit(resource.RLIMIT_CPU, (4, 4))
from pathlib import Path
from runbook_engine.loading.yaml_source import read_yaml_file
from runbook_engine.model.config import Limits
result = read_yaml_file(Path(sys.argv[1]), shown_as="f.yml", limits=Limits())
# Not ru_maxrss: that is inherited from the process that started this one.
status = Path("/proc/self/status").read_text()
peak = int(status.partition("VmHWM:")[2].split()[0])
print(json.dumps({"found": [[d.rule, d.location.line] for d in result.diagnostics], "peak": peak}))
"""

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 11)
)
MERGE_BOMB = "m0: &m0 {a: 1}\n" + "".join(
    f"m{i}: &m{i}\n  <<: [{', '.join([f'*m{i - 1}'] * 10)}]\n" for i in range(1, 8)
)
NESTED_200 = "\n".join(f"{' ' * depth}k:" for depth in range(200))

HOSTILE = {
    "alias bomb": (BOMB, ["RB013", 4]),
    "merge bomb": (MERGE_BOMB, ["RB012", 3]),
    "200 deep": (NESTED_200, ["RB007", 65]),
    "200,000 brackets": ("[" * 200_000, ["RB007", 1]),
    "200,000 braces": ("{a: " * 200_000, ["RB007", 1]),
    "200,000 dashes": ("- " * 200_000, ["RB007", 1]),
    "200,000 question marks": ("? " * 200_000, ["RB015", 1]),
    "50 MB": ("a: " + "x" * 50_000_000, ["RB002", 0]),
    "directives": ("%TAG ! tag:x,2000:\n" * 500_000 + "---\na", ["RB017", 1]),
    "directives behind the document": ("a\n...\n" + "%TAG ! tag:x,2000:\n" * 500_000, ["RB009", 2]),
    "line ends": ("\r\n" * 5_000_000 + "%", ["RB008", 0]),
    "many line ends before a fault": ("\r\n" * 900_000 + "a: [", ["RB005", 900_001]),
    "empty mappings": ("[" + "{}," * 5_000_000 + "]", ["RB008", 1]),
    "scalars": ("[" + "a," * 5_000_000 + "]", ["RB008", 1]),
    "duplicate keys": ("a: 1\n" * 900_000, ["RB010", 2]),
    "aliases of one scalar": ("- &a x\n" + "- *a\n" * 900_000, ["RB013", 10_002]),
    "tags": ("- !x y\n" * 900_000, ["RB011", 1]),
    "colons": ("a" * 1_000_000 + ":" * 1_000_000, ["RB005", 1]),
    "unclosed quote": ("a: '" + "x\n" * 900_000, ["RB005", 1]),
    "long integer": ("a: " + "9" * 10_000_000, ["RB014", 1]),
    "long key": ("? " + "k" * 10_000_000 + "\n: 1\nb: .nan", ["RB014", 3]),
    "python tag": ("a: !!python/object/apply:os.system [id]", ["RB011", 1]),
    "UTF-16 bomb": ("[" * 100_000, ["RB003", 1]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file(name, tmp_path):
    text, expected = HOSTILE[name]
    path = tmp_path / "f.yml"
    path.write_bytes(text.encode("utf-16" if "UTF-16" in name else "utf-8"))
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["found"][0] == expected
    assert answer["peak"] < 200_000, "kilobytes"
