"""Cases of runbooks as JUnit XML, for whatever reads that."""

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from runbook_engine.model.quoting import neutral


def junit_of_cases(cases: Sequence[tuple[str, str, str, Sequence[str], bool]]) -> str:
    """Give a suite; of each case its runbook, name, file, what is not as expected, if it could not be played."""
    errors = sum(refused for *_, refused in cases)
    failed = sum(bool(problems) for *_, problems, _ in cases) - errors
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name="runbook test" tests="{len(cases)}" failures="{failed}" errors="{errors}">',
    ]
    for runbook, name, file, problems, refused in cases:
        head = f"  <testcase classname={_attribute(runbook)} name={_attribute(name)} file={_attribute(file)}"
        if problems:
            kind = "error" if refused else "failure"
            lines.append(f"{head}><{kind} message={_attribute('; '.join(problems))}/></testcase>")
        else:
            lines.append(f"{head}/>")
    return "\n".join([*lines, "</testsuite>"])


def _attribute(text: str) -> str:
    return quoteattr(neutral(text))
