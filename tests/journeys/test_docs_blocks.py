"""No block of the documentation is forgotten: each is tried, or stands with its reason in a table that is true."""

import re
import sys

import click
import pytest
from support.commands import accepted, commands_in
from support.docs_blocks import EXEMPT, KINDS, TESTED, how
from support.page_rehearsals import REHEARSALS, lines_of
from support.pages import PAGES, ROOT, blocks, name_of, prose

from runbook_engine.cli.main import cli

BY_NAME = {name_of(page): page for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_block_is_tried_or_named(page):
    for block in blocks(page):
        assert how(page, block), f"```{' '.join(block.info)}\n{block.first}\nis run by no test: see docs_blocks.py"
        if block.info == ("text",):
            assert not re.search(r"^(\$|runbook) ", block.text, re.MULTILINE), block.text
        if block.info == ("sh",) and name_of(page) not in REHEARSALS:
            tried = TESTED.get(name_of(page), {}) | EXEMPT.get(name_of(page), {})
            lines = [line for line in block.text.splitlines() if line.strip()]
            whole = any(block.first.startswith(first) for first in TESTED.get(name_of(page), {}))
            assert whole or all(any(line.startswith(first) for first in tried) for line in lines), lines


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_are_in_fences(page):
    """What is set in by four signs would be seen by no test."""
    for found in re.finditer(r"\n\n {4}(?P<line>\S.*)", prose(page)):
        assert not re.match(r"\$ |(runbook|make|git) ", found["line"]), found["line"]


def test_what_is_exempt_is_there_and_is_not_run():
    """Print all of it (`pytest -rP`): these are the only blocks that nobody runs."""
    for name, entries in EXEMPT.items():
        page = BY_NAME[name]
        for first, reason in entries.items():
            sys.stdout.write(f"{name}: {first}: {reason}\n")
            assert reason
            named = [block for block in blocks(page) if block.first.startswith(first)]
            lines = [line for line in lines_of(page) if line.startswith(first)]
            assert named or lines, f"{name}: nothing begins with {first!r}: take it out"
            kinds = {block.info[:2] for block in named} | {block.info for block in named}
            assert not kinds & (KINDS.keys() - {("sh",)}), f"{name}: {first!r} is run: take it out"
            assert not {first} & TESTED.get(name, {}).keys()


def test_the_tests_that_are_named_are_there():
    for name, entries in TESTED.items():
        found = [block.first for block in blocks(BY_NAME[name])]
        for first, test in entries.items():
            assert any(one.startswith(first) for one in found), f"{name}: no block begins with {first!r}: take it out"
            path, _, function = test.partition("::")
            text = (ROOT / path).read_text(encoding="utf-8")
            assert f"def {function}(" in text if function else True, test


def test_each_rehearsal_is_of_a_page_that_needs_it():
    for name in REHEARSALS:
        assert any(block.info == ("sh",) for block in blocks(BY_NAME[name])), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_command_of_a_block_is_one_that_the_program_takes(page):
    """With all it needs: a page that leaves out what is required is wrong, too."""
    for block in blocks(page):
        if block.info[:1] == ("sh",):
            lines = block.text.splitlines()
        elif block.info[:1] == ("console",):
            lines = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
        else:
            continue
        for line in lines:
            for words in commands_in(line):
                assert accepted(words), line


def help_of(command, context, name=""):
    """The names and helps of a command and of what is below it."""
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            child = command.get_command(context, below)
            yield from help_of(child, click.Context(child, info_name=below, parent=context), f"{name} {below}")


def test_the_examples_of_help_are_commands():
    without = []
    for name, text in help_of(cli, click.Context(cli, info_name="runbook")):
        examples = re.search(r"\n  Examples?:\n(.*?)\n\n", text, re.DOTALL)
        if examples is None:
            without.append(name)
            continue
        for line in examples[1].splitlines():
            for words in commands_in(line.strip()):
                assert accepted(words), line
    assert not without, "have no example"
