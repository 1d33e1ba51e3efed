"""Looks for weaknesses: bandit in the code, pip-audit in what the lock names. `make audit` runs it with its tools.

Bandit and ruff have the same rules under the same numbers (B608 is S608), and a reason is given once: beside the line
as `noqa: S608 - why`, or here, where ruff has no such rule or leaves it out. Anything else is told, and so is a reason
here that nothing needs any more.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SEARCHED = ("runbook_engine", "plugins")
# By rule, or by rule and file.
ACCEPTED = {
    "B404": "running commands is what the product is for",
    "B603": "the same: argv is a list, never a line for a shell (ruff leaves S603 out for that reason)",
    "B405": "xml.etree makes elements here, and parses nothing",
    "B406": "saxutils escapes text here, and parses nothing",
    "B601 runbook_engine/connections/ssh.py": "the line is quoted as one word",
    "B601 runbook_engine/connections/ssh_residents.py": "a text of ours with a nonce of hexadecimal digits",
    "B105 plugins/atlassian/atlassian_site.py": "an example that names a secret",
    "B105 plugins/atlassian/statuspage.py": "an example that names a secret",
    "B608 runbook_engine/journals/sql_rows.py": "made of names of our own columns; values are bound",
}
LONGEST_SECONDS = 600


def main() -> int:
    """Run both; 1 when one of them found something."""
    return int(any([in_code(), in_dependencies()]))


def in_code() -> bool:
    """Tell whether bandit finds what nobody gave a reason for."""
    done = _run("bandit", "--quiet", "--recursive", *SEARCHED, "--format", "json")
    report = json.loads(done.stdout)
    problems = [f"can't be read: {one['filename']}: {one['reason']}" for one in report["errors"]]
    needed = set()
    for found in report["results"]:
        keys = {found["test_id"], f"{found['test_id']} {found['filename']}"} & ACCEPTED.keys()
        needed |= keys
        if not keys and not _has_reason(found):
            place = f"{found['filename']}:{found['line_number']}"
            problems.append(f"{place}: {found['test_id']} {found['issue_text']}")
    problems += [f"nothing needs the reason for {key} any more" for key in sorted(ACCEPTED.keys() - needed)]
    print(*problems, sep="\n") if problems else None
    print(f"bandit: {len(report['results'])} findings, {len(problems)} without a reason")
    return bool(problems)


def in_dependencies() -> bool:
    """Tell whether a package of the lock has a known weakness; where nobody can say, say that."""
    words = ("--requirement", "requirements.lock", "--require-hashes", "--disable-pip", "--format", "json")
    try:
        done = _run("pip-audit", *words, "--progress-spinner", "off")
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        print(f"pip-audit: SKIPPED, it could not ask anybody ({type(error).__name__})")
        return False
    asked = [one for one in packages if "vulns" in one]
    weak = [one for one in asked if one["vulns"]]
    for one in weak:
        for known in one["vulns"]:
            mended = ", ".join(known["fix_versions"]) or "nowhere yet"
            print(f"{one['name']} {one['version']}: {known['id']}, mended in {mended}")
    if not asked:
        print(f"pip-audit: SKIPPED, of none of the {len(packages)} packages anything is known here (no network?)")
    else:
        print(f"pip-audit: {len(asked)} of {len(packages)} packages looked up, {len(weak)} with a known weakness")
    return bool(weak)


def _has_reason(found: dict) -> bool:
    """Whether ruff was told why, on one of the lines or on the one above."""
    lines = (ROOT / found["filename"]).read_text(encoding="utf-8").splitlines()
    first, last = min(found["line_range"]), max(found["line_range"])
    text = "\n".join(lines[max(0, first - 2) : last])
    return re.search(rf"noqa:[^#\n]*\bS{found['test_id'][1:]}\b[^#\n]*(-|#)", text) is not None


def _run(tool: str, *words: str) -> subprocess.CompletedProcess:
    argv = [Path(sys.executable).with_name(tool), *words]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
