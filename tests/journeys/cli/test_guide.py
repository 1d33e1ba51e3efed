"""runbook guide: the order that the plan would have, whoever is owed messages, and no runbook that it can't tell."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
BOOK = """\
runbook: book
title: A book
steps:
  - {id: last, command.run: {argv: [use, "{{ steps['first'].stdout }}"]}}
  - {id: first, command.run: {argv: [make, "{{ secret('env:PW') }}"]}}
communications:
  - audience: customers
    every: 30m
    from: first
    until: last
    update: [{notify.email: {host: mail, sender: a@example.com, to: [], subject: s, body: b}}]
"""


def test_a_step_stands_after_what_it_uses_and_who_is_owed_messages_is_told(runbook):
    runbook.write("runbooks/book.yml", BOOK)
    guide = runbook("guide", "book").out
    assert guide.index("### 1. first") < guide.index("### 2. last")
    assert "Not before step 1 ended well." in guide
    assert "use «stdout of step first»" in guide
    assert "make «the secret env:PW»" in guide
    assert "at least every 30 minutes" in guide
    assert "from when step first ended until step last did" in guide


@pytest.mark.parametrize("name", sorted(path.stem for path in (REPOSITORY / "runbooks").glob("*.yml")))
def test_every_shipped_runbook_has_a_guide(runbook, name):
    for form in ("md", "html"):
        done = runbook("guide", str(REPOSITORY / "runbooks" / f"{name}.yml"), "--format", form, cwd=REPOSITORY)
        assert done.status == 0, done.err
        assert "{{" not in done.out


def test_what_is_not_valid_has_none(runbook):
    runbook.write("runbooks/book.yml", "runbook: book\nsteps: 3\n")
    done = runbook("guide", "book")
    assert done.status == 3
    assert "runbook validate book" in done.err
