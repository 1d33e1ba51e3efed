"""Expressions in the words of a guide."""

import pytest

from runbook_engine.app.guide_words import said


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("secret('env:A') | quote", "the secret env:A"),
        ("secret( name ~ 'x' )", "the secret name ~ 'x'"),
        ("x | default('a') | quote", "x"),
    ],
)
def test_what_it_makes_of_an_expression(expression, words):
    assert said(expression) == words


@pytest.mark.parametrize("text", ["secret(", "secret( ", "|default("])
def test_parentheses_that_are_never_closed_are_not_read_from_each_to_the_end(text):
    expression = text * 200_000
    assert said(expression).split() == expression.split()


def test_blanks_in_a_parenthesis_are_not_shared_out_in_every_way():
    assert said("secret(" + " " * 100_000) == "secret("
