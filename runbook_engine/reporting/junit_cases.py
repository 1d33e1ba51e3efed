"""Cases of runbooks as JUnit XML, for whatever reads that."""

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from runbook_engine.model.quoting import neutral


def junit_of_cases(cases: Sequence[tuple[str, str, str, Sequence[str]]]) -> str:
    """Give a suite; of each case its runbook, name, file and what is not as expected."""
    failed = sum(bool(problems) for *_, problems in cases)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name="runbook test" tests="{len(cases)}" failures="{failed}">',
    ]
    for runbook, name, file, problems in cases:
        head = f"  <testcase classname={_attribute(runbook)} name={_attribute(name)} file={_attribute(file)}"
        if problems:
            lines.append(f"{head}><failure message={_attribute('; '.join(problems))}/></testcase>")
        else:
            lines.append(f"{head}/>")
    return "\n".join([*lines, "</testsuite>"])


def _attribute(text: str) -> str:
    return quoteattr(neutral(text))
