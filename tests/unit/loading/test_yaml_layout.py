"""The layout changes how a file looks and nothing that it says; where it can't, it says so and leaves the file alone."""

import textwrap

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_engine.loading.yaml_layout import LayoutError, formatted
from runbook_engine.loading.yaml_meaning import comments, meaning


def laid_out(text):
    return formatted(textwrap.dedent(text))


def same(text):
    assert laid_out(text) == textwrap.dedent(text)


def test_indentation_blank_lines_and_spaces_become_the_usual_ones():
    before = "\n\nsteps:\n- id: a   \n  command.run:\n      argv: [ /bin/true,  x ]\n\n\n\n- id: b\n\n\n"
    assert formatted(before) == "steps:\n  - id: a\n    command.run:\n      argv: [/bin/true, x]\n\n  - id: b\n"


@pytest.mark.parametrize(
    "scalar",
    [
        "null",
        "~",
        "",
        "1.50",
        "0o17",
        "1_000",
        "NO",
        "2026-07-01",
        "1:30",
        "'single'",
        '"dou\\tble"',
        "1e3",
        ".5",
        "0x1F",
    ],
)
def test_no_scalar_is_written_otherwise(scalar):
    same(f"key: {scalar}\nlist:\n  - {scalar}\n".replace(": \n", ":\n").replace("- \n", "-\n"))


@pytest.mark.parametrize(
    "text",
    [
        "# at the top\nkey: 1 # behind\n# between\nother: 2\n# at the end\n",
        "list: # behind a key\n  # before the first\n  - a # behind an item\n  # after the last\n",
        "text: | # behind a head\n  # no comment\n  two  \n\n\n  three\nnext: 1\n",
        'text: "a # is no comment"\nurl: https://x/#y\n',
        "base: &base {a: 1}\nagain: *base\n",
        "secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3031\n",
        "---\n# a document\nkey: 1\n",
        "folded: >-\n  one\n  two\n\n  three\n",
    ],
)
def test_comments_anchors_tags_and_block_texts_stay(text):
    same(text)


def test_brackets_that_are_too_long_are_written_line_by_line():
    names = [f"a-rather-long-name-{number}" for number in range(8)]
    assert laid_out(f"needs: [{', '.join(names)}]\n") == "needs:\n" + "".join(f"  - {name}\n" for name in names)
    inner = ", ".join(f"k{number}: {number}" for number in range(8))
    nested = f"a: {{first: {{{inner}}}, second: {{{inner}}}, third: [{inner.replace(':', '')}]}}\n"
    assert laid_out(nested).splitlines()[:2] == ["a:", f"  first: {{{inner}}}"]


def test_a_comment_at_the_end_does_not_make_a_line_too_long():
    same("short: {a: 1, b: 2} # " + "because " * 30 + "it is so\n")


def test_a_long_text_is_never_broken():
    same('shell: "' + "word " * 60 + '"\n')


def test_line_ends_of_other_systems_become_usual_ones():
    assert formatted("a: 1\r\nb:\r\n- |\r\n  x\r\n  y\r\n") == "a: 1\nb:\n  - |\n    x\n    y\n"


@pytest.mark.parametrize("text", ["a: [1, # one\n    2] # two\n", "a: {x: 1,\n    # alone\n    y: 2}\n"])
def test_comments_inside_brackets_are_a_reason_to_leave_a_file_alone(text):
    with pytest.raises(LayoutError, match="comment"):
        formatted(text)


def test_deep_nesting_ends_in_words():
    with pytest.raises(LayoutError):
        formatted("[" * 2000 + "]" * 2000)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp", "Co", "Cn")), max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | WORDS
    | st.sampled_from(["a\nb\n", "x\n\n", "long " * 40]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def documents(draw):
    """A document in a random style, with comments between its lines."""
    style = draw(st.sampled_from([None, "'", '"', "|", ">"]))
    text = yaml.safe_dump(
        draw(st.dictionaries(WORDS, VALUES, min_size=1, max_size=4)),
        default_flow_style=draw(st.sampled_from([True, False, None])),
        default_style=style,
        indent=draw(st.integers(2, 8)),
        width=draw(st.sampled_from([20, 80, 1000])),
        allow_unicode=True,
        sort_keys=False,
    )
    return (
        draw(WORDS.map(lambda words: f"# {words}\n" if words else ""))
        + text
        + draw(st.sampled_from(["", "# end\n", "\n\n"]))
    )


@settings(max_examples=60, deadline=None)
@given(documents())
def test_whatever_the_style_it_says_the_same_and_is_laid_out_once_for_all(text):
    try:
        after = formatted(text)
    except LayoutError:
        return
    assert meaning(after) == meaning(text)
    assert comments(after) == comments(text)
    assert formatted(after) == after


@pytest.mark.parametrize(
    "text",
    ["a: &x\n  k: v\nb: [1]\n", "a: &x [1]\n", "- &x\n  - 12\n", "a: &x 1\nb: &x 2\nc: *x\n"],
)
def test_anchors_that_nobody_names_or_that_are_given_twice_stay(text):
    assert "&x" in formatted(text)


def test_a_layout_is_its_own_layout_wherever_a_comment_stands():
    """The comment in front of the first item's first key takes a second round to find its place."""
    once = formatted("- needs: ~ # c\n- -  #odd\n    ~1: x\n\n# full\n    ~2: y\n")
    assert formatted(once) == once
