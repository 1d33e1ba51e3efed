"""Says in plain language what libyaml's parser stumbled over."""

import yaml

from runbook_engine.loading.source_lines import SourceLines
from runbook_engine.model.located import Mark

# libyaml's words -> what is wrong, what to do. The parser's own sentence follows in brackets.
_EXPLANATIONS = {
    "found character that cannot start any token": (
        "a text can't begin with this character",
        "put the text in quotes",
    ),
    "mapping values are not allowed in this context": (
        "a colon can't stand here",
        "put the text in quotes, or is the line indented wrongly?",
    ),
    "did not find expected key": (
        "a key was expected here",
        "is the line indented like its neighbours, and every quote and bracket above closed?",
    ),
    "did not find expected '-' indicator": (
        "a list item was expected here",
        "is the line indented like its neighbours?",
    ),
    "could not find expected ':'": ("a key without its colon", "write key: value, or close the quote above"),
    "found unexpected end of stream": ("a quote is not closed", "close the quote that was opened here"),
    "found unexpected document indicator": ("a quote is not closed", "close the quote that was opened here"),
    "did not find expected ',' or ']'": ("a [ is not closed", "put a comma between items and ] at the end"),
    "did not find expected ',' or '}'": (
        "a { is not closed",
        'put a comma between entries and } at the end; quote a template: "{{ … }}"',
    ),
    "did not find expected node content": ("a value was expected here", "is a bracket open, or a comma too many?"),
    "found undefined tag handle": ("an unknown tag", "a text that begins with ! needs quotes"),
    "did not find expected alphabetic or numeric character": (
        "* and & begin an alias or anchor",
        "put the text in quotes",
    ),
    "found unknown escape character": (
        "an unknown escape in double quotes",
        "write \\\\ for a backslash, or use single quotes",
    ),
}


def explain_syntax_error(error: yaml.YAMLError, lines: SourceLines) -> tuple[str, Mark, str, str]:
    """Give rule, place, message and hint for an error of the parser."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return "RB005", (1, 1), f"the file is not YAML ({error})", "see the first lines of the file"
    problem = error.problem or "syntax error"
    unclosed = "unexpected end of stream" in problem or "document indicator" in problem or "',' or" in problem
    mark = error.context_mark if unclosed and error.context_mark is not None else error.problem_mark
    place = lines.inside(mark.line + 1, mark.column + 1)
    if _at_tab(lines, place):
        return "RB006", place, "a tab where only spaces may stand", "indent with spaces"
    message, hint = _EXPLANATIONS.get(problem, ("the file is not well-formed YAML", "quotes around a text often help"))
    return "RB005", place, f"{message} ({problem})", hint


def _at_tab(lines: SourceLines, place: Mark) -> bool:
    """Tell whether the parser stopped at a tab, or in a line that is indented with one."""
    line = lines[place[0] - 1]
    indentation = line[: len(line) - len(line.lstrip())]
    return line[place[1] - 1 : place[1]] == "\t" or "\t" in indentation
