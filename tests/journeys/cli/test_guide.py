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
    assert "use «stdout of step 1»" in guide
    assert "make «the secret env:PW»" in guide
    assert "at least every 30 minutes" in guide
    assert "from when step 1 ended until step 2 did" in guide


def test_a_file_that_is_copied_is_shown_as_it_is_and_one_that_is_filled_in_in_words(runbook):
    long = "{{" + " " * 20_000  # a mark that nothing closes
    runbook.write("files/copied.sh", f"echo ${{#all}} '{{{{ .Values.x }}}}' '#}}'\n{long}\n")
    runbook.write("files/filled.j2", "{# nobody #}mode={{- mode -}}\n{% if a %}b{% endif %}\n")
    runbook.write(
        "runbooks/book.yml",
        "runbook: book\ntitle: A\nvars: {mode: x, a: true}\nsteps:\n"
        "  - {id: one, file.copy: {src: files/copied.sh, dest: /a}}\n"
        "  - {id: two, file.template: {src: files/filled.j2, dest: /b}}\n",
    )
    guide = runbook("guide", "book").out
    assert "echo ${#all} '{{ .Values.x }}' '#}'" in guide
    assert "mode=«mode»\n«if a:»b«end of if»" in guide
    assert "nobody" not in guide


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


def test_a_guide_is_never_written_over_what_the_project_is_made_of(runbook):
    path = runbook.write("runbooks/book.yml", BOOK)
    for out in ("runbooks/book.yml", "team.yml", "runbook.toml", "inventories/local/hosts.yml", ".runbook/journal.db"):
        before = (runbook.root / out).read_bytes() if (runbook.root / out).exists() else None
        done = runbook("guide", "book", "-o", out)
        if before is not None:
            assert (done.status, "is part of the project" in done.err) == (2, True), done.err
            assert (runbook.root / out).read_bytes() == before
    assert path.read_text() == BOOK
    assert runbook("guide", "book", "-o", "guide.md").status == 0
    assert runbook("guide", "book", "-o", "guide.md").status == 0


def test_the_customers_guide_has_a_command_for_each_step_and_names_all_that_is_to_know(runbook):
    guide = runbook("guide", "onprem-app-recovery", cwd=REPOSITORY).out
    assert "tar -x -p -f «app_archive» -C «app_folder»" in guide
    assert "{%" not in guide
    assert "- «app\\_settings»: know its value." in guide
    assert "Only if step 7 changed something or step 3 changed something." in guide
    assert "( echo" in guide
