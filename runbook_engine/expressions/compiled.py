"""Text to compiled template: parsed by Jinja2, checked, rewritten for the sandbox, kept for the next time."""

import re
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Template, TemplateSyntaxError, nodes
from jinja2.parser import Parser

from runbook_engine.expressions.bounds import MAX_TEXT
from runbook_engine.expressions.errors import Position, TemplateError
from runbook_engine.expressions.lowering import as_result, lower
from runbook_engine.expressions.sandbox import RunbookEnvironment
from runbook_engine.expressions.syntax import MAX_DEPTH, SyntaxProblem, check_tree

ENVIRONMENT = RunbookEnvironment()
FILE_NAME = "<runbook template>"
_CACHED_LENGTH = 20_000
_BRACES = ("{{", "{%", "{#")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template ready to run.

    Attributes:
        native: whether it is one expression, whose value is given as it is and not as text.
    """

    template: Template
    native: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """A template's tree; `expression` is set when the whole text is one expression."""

    tree: nodes.Template
    expression: nodes.Expr | None


def is_template(text: str) -> bool:
    """Tell whether a text has anything of a template in it."""
    return "{" in text and any(brace in text for brace in _BRACES)


def compile_text(text: str, *, bare: bool = False) -> Compiled:
    """Compile a template, or with `bare` an expression without braces (braces around it are taken too).

    Raises:
        TemplateError: it is no template, or holds what a runbook's template may not.
    """
    return _compile_cached(text, bare) if len(text) <= _CACHED_LENGTH else _compile(text, bare)


def parse_checked(text: str, *, bare: bool = False) -> tuple[Parsed, list[SyntaxProblem]]:
    """Parse and check; used where every problem is wanted.

    Raises:
        TemplateError: it can't be parsed at all.
    """
    parsed = parse(text, bare=bare)
    return parsed, list(check_tree(parsed.tree))


def parse(text: str, *, bare: bool = False) -> Parsed:
    """Parse a text.

    Raises:
        TemplateError: it can't be parsed.
    """
    if len(text) > MAX_TEXT:
        raise TemplateError(f"the template has {len(text):,} characters; it may have {MAX_TEXT:,}")
    braces = is_template(text)
    try:
        if bare and not braces:
            expression = _parse_expression(text)
            return Parsed(nodes.Template([nodes.Output([expression], lineno=1)], lineno=1), expression)
        parsed = Parsed(tree := ENVIRONMENT.parse(text), _only_expression(tree))
    except TemplateSyntaxError as error:
        raise TemplateError(
            f"not a template: {error.message}", position=_place(text, error.lineno or 1), hint=_syntax_hint(text)
        ) from None
    except RecursionError:
        raise TemplateError(f"the template is nested deeper than {MAX_DEPTH} levels") from None
    except (ValueError, OverflowError, MemoryError) as error:
        raise TemplateError(f"not a template: {error}") from None
    if bare and parsed.expression is None:
        raise TemplateError("a condition must be one expression, without text around it", hint="leave the braces away")
    return parsed


def locate(text: str, line: int, name: str) -> Position:
    """Find the column of a name from a line on; column 0 when it is not found."""
    lines = text.split("\n")
    word = re.compile(rf"(?<![\w]){re.escape(name)}(?![\w])") if name else None
    for number in range(max(line, 1), len(lines) + 1):
        found = word.search(lines[number - 1]) if word else None
        if found:
            return number, found.start() + 1
        if number > line + 20:
            break
    return line, 0


def _compile(text: str, bare: bool) -> Compiled:
    parsed, problems = parse_checked(text, bare=bare)
    if problems:
        problem = problems[0]
        raise TemplateError(problem.message, hint=problem.hint, position=locate(text, problem.line, problem.name))
    tree = parsed.tree if parsed.expression is None else as_result(parsed.expression)
    try:
        lowered = lower(tree)
        lowered.set_environment(ENVIRONMENT)
        code = ENVIRONMENT.compile(lowered, filename=FILE_NAME)
    except TemplateSyntaxError as error:
        raise TemplateError(f"not a template: {error.message}", position=(error.lineno or 1, 0)) from None
    except (RecursionError, SyntaxError, MemoryError) as error:
        raise TemplateError(f"the template is too complicated: {type(error).__name__}") from None
    return Compiled(Template.from_code(ENVIRONMENT, code, {}), native=parsed.expression is not None)


_compile_cached = lru_cache(maxsize=4096)(_compile)


def _parse_expression(text: str) -> nodes.Expr:
    parser = Parser(ENVIRONMENT, text, state="variable")
    expression = parser.parse_tuple(with_condexpr=True)
    if not parser.stream.eos:
        raise TemplateSyntaxError("there is something behind the expression", parser.stream.current.lineno)
    return expression


def _only_expression(tree: nodes.Template) -> nodes.Expr | None:
    """Give the expression of a text that is exactly one `{{ … }}`."""
    if len(tree.body) == 1 and isinstance(output := tree.body[0], nodes.Output) and len(output.nodes) == 1:
        only = output.nodes[0]
        return None if isinstance(only, nodes.TemplateData) else only
    return None


def _place(text: str, line: int) -> Position:
    lines = text.split("\n")
    row = lines[line - 1] if 0 < line <= len(lines) else ""
    columns = [row.find(brace) + 1 for brace in _BRACES if brace in row]
    return line, min(columns, default=0)


def _syntax_hint(text: str) -> str:
    if text.count("{{") != text.count("}}"):
        return "each {{ needs its }}"
    if text.count("{%") != text.count("%}"):
        return "each {% needs its %}"
    return "to write braces as text, put {% raw %} and {% endraw %} around them"
