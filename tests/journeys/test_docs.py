"""The documentation is true: its runbooks validate, its commands do what it shows, its links and flags exist.

What a page's fenced block is for stands behind its language: `yaml runbook` is a runbook that must validate,
`console run` holds commands and lines that they must print, `file=PATH` is written to that path first.
"""

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from support.pages import PAGES, ROOT, blocks, name_of, prose, shell_in

from runbook_engine.app.init import init_project
from runbook_engine.cli.main import cli

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
COMMAND = re.compile(r"(?:^|[\s(;|&])runbook(?: +(?P<rest>[^|;&)#]*))?")
OWN_OPTION = re.compile(r"--[a-z][a-z-]+")
# What would otherwise be waited for: a region that is gone is asked twice, not six times.
SOONER = {"docs/tutorial/rehearsal-lab.md": {"AWS_MAX_ATTEMPTS": "2"}}


def pages_with(*words):
    return [
        pytest.param(page, id=name_of(page))
        for page in PAGES
        if any(b.info[: len(words)] == words for b in blocks(page))
    ]


@pytest.fixture
def shell(tmp_path):
    with shell_in(tmp_path) as run:
        yield run


@pytest.mark.parametrize("page", pages_with("yaml", "runbook"))
def test_every_runbook_of_a_page_validates(page, tmp_path, shell):
    project = tmp_path / "project"
    init_project(project, person="dana")
    if "`plugins/atlassian`" in page.read_text():
        shutil.copytree(ROOT / "plugins" / "atlassian", project / "plugins" / "atlassian")
    for block in blocks(page):
        if block.file:
            write(project / block.file, block.text)
        if block.info[:2] == ("yaml", "runbook"):
            name = re.search(r"^runbook: (\S+)", block.text, re.MULTILINE)[1]
            write(project / "runbooks" / f"{name}.yml", block.text)
    done = shell("runbook validate --strict", project)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("console", "run"))
def test_every_command_of_a_page_prints_what_the_page_says(page, tmp_path, shell):
    folder = tmp_path / "folder"
    folder.mkdir()
    if "$ runbook init" not in page.read_text():
        init_project(folder, person=subprocess.check_output(["id", "-un"], text=True).strip())
    script, expected = script_of(page)
    more = SOONER.get(name_of(page), {})
    if "timeout -s KILL" in script:
        more |= {"RUNBOOK_REALLY": "1"}  # what is killed has to be the command
    try:
        said = re.split(r"^\N{END OF TEXT}\n", shell(script, folder, **more).stdout, flags=re.MULTILINE)
    finally:
        if "$ runbook lab up" in page.read_text():
            shell("cd * && runbook lab down", folder)
    assert len(said) == len(expected) + 1, f"the commands did not all run: {said[-1]}"
    for (command, lines), output in zip(expected, said, strict=False):
        missing = first_missing(lines, output)
        assert missing is None, f"$ {command}\ndoes not print (in this place)\n{missing}\nbut\n{output}"


def script_of(page):
    """Every file and command of a page as one script, in order; and what each command must print."""
    script, expected = [], []
    for block in blocks(page):
        if block.file:
            script += [f"mkdir -p {Path(block.file).parent}", f"cat > {block.file} <<'END-OF-FILE'"]
            script += [block.text + "END-OF-FILE"]
        if block.info[:2] != ("console", "run"):
            continue
        for line in block.text.splitlines():
            if line.startswith("$ "):
                script += [f"{{ {line[2:]}\n}} </dev/null", r"printf '\003\n'"]
                expected.append((line[2:], []))
            elif line.strip():
                expected[-1][1].append(line.strip())
    return "\n".join([*script, ""]), expected


def first_missing(lines, output):
    """The first line that is not printed, in order; `…` stands for anything."""
    printed = iter([line.strip() for line in output.splitlines()])
    for line in lines:
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("…")))
        if not any(pattern.fullmatch(candidate) for candidate in printed):
            return line
    return None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.is_relative_to(ROOT), target
        assert found.is_file(), f"{target} is not there"
        if anchor:
            assert anchor in anchors(found), f"{target}: no such heading"


def anchors(page):
    """The anchors that a Markdown viewer makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_a_command_or_flag_that_is_not_there(page):
    for text in said_of_the_program(page):
        for found in COMMAND.finditer(text):
            words = [word for word in (found["rest"] or "").replace("…", " ").split() if word]
            assert_known(words, text)
    for text in CODE.findall(prose(page)):
        if text.startswith("--"):
            assert OWN_OPTION.match(text)[0] in options_of(cli), f"no command has {text}"


def said_of_the_program(page):
    """Inline code, and the commands of blocks."""
    yield from CODE.findall(prose(page))
    for block in blocks(page):
        if block.info[:1] in {("console",), ("sh",)}:
            yield from (
                line.removeprefix("$ ") for line in block.text.splitlines() if block.info[0] == "sh" or line[:2] == "$ "
            )


def assert_known(words, text):
    """Follow words through the commands: each must be a command or belong to one, each option be one of its own."""
    command, seen, value_of = cli, [], None
    for word in words:
        if value_of is not None:
            value_of = None
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z-]+", word) and word[0] != "-":
            below = command.get_command(click.Context(command), word)
            assert below is not None, f"{text!r}: `runbook {' '.join([*seen, word])}` is not there"
            command, seen = below, [*seen, word]
        elif OWN_OPTION.match(word):
            option = OWN_OPTION.match(word)[0]
            assert option in options_of(command, deep=False), f"{text!r}: no option {option} of {' '.join(seen)}"
            value_of = option if "=" not in word and takes_value(command, option) else None


def takes_value(command, option):
    return any(
        option in parameter.opts and not getattr(parameter, "is_flag", False) and not getattr(parameter, "count", False)
        for parameter in command.get_params(click.Context(command))
    )


def options_of(command, *, deep=True):
    context = click.Context(command)
    found = {
        option for parameter in command.get_params(context) for option in (*parameter.opts, *parameter.secondary_opts)
    }
    if deep and isinstance(command, click.Group):
        for name in command.list_commands(context):
            found |= options_of(command.get_command(context, name))
    return found


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_index_lists_every_page():
    docs = ROOT / "docs"
    index = (docs / "index.md").read_text()
    pages = {str(path.relative_to(docs)) for path in docs.rglob("*.md")} - {"index.md"}
    assert not {page for page in pages if f"]({page})" not in index and f"]({page}#" not in index}
