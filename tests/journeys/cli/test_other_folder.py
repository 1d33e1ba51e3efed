"""Somebody stands in another folder of the project: what a run does on this machine begins at the project's all the same."""

BOOK = """\
runbook: here
title: Paths without a beginning
steps:
  - id: command
    command.run: {shell: "pwd >made-by-command", creates: made-by-command}
  - id: within
    needs: [command]
    command.run: {argv: [sh, -c, "pwd >made-within"], cwd: files, creates: made-within}
  - id: file
    needs: [within]
    file.copy: {content: "x", dest: made-by-copy}
  - id: look
    needs: [file]
    command.run: {shell: "cat made-by-command files/made-within made-by-copy >made-look", unless: [test, -e, made-look]}
  - id: gate
    needs: [look]
    manual.task: {roles: [director], instructions: Look at it}
  - id: after
    needs: [gate]
    command.run: {shell: "pwd >made-after", creates: made-after}
"""


def test_a_run_and_its_resume_from_a_folder_of_the_project_do_the_same_as_from_its_root(runbook):
    runbook.write("runbooks/here.yml", BOOK)
    runbook.write("files/here/empty", "")
    below = runbook.root / "files" / "here"
    dry = runbook("run", "here", "--dry-run", cwd=below)
    assert dry.status == 0, dry.err
    ran = runbook("run", "here", "--yes", cwd=below)
    assert ran.status == 4, ran.out + ran.err
    assert runbook("answer", "last", "gate", "pass", "--as", "dana", "--note", "seen", cwd=below.parent).status == 0
    done = runbook("resume", "--yes", cwd=runbook.root / "runbooks")
    assert done.status == 0, done.err
    made = {str(path.relative_to(runbook.root)) for path in runbook.root.rglob("made-*") if path.is_file()}
    assert made == {"made-by-command", "files/made-within", "made-by-copy", "made-look", "made-after"}
    assert (runbook.root / "made-by-command").read_text() == f"{runbook.root}\n"
    assert (runbook.root / "files/made-within").read_text() == f"{runbook.root / 'files'}\n"
    again = runbook("run", "here", "--dry-run", "--output", "json", cwd=below)
    assert again.status == 0, again.err


def test_a_project_in_a_folder_is_checked_from_the_root_of_its_repository(runbook, tmp_path):
    top = tmp_path / "repository"
    (top / "ops").mkdir(parents=True)
    (top / ".git").mkdir()
    runbook.root.rename(top / "ops/dr")
    book = top / "ops/dr/runbooks/restore-settings.yml"
    for words in (["validate", "ops/dr", "--strict"], ["fmt", "ops/dr", "--check"], ["test", "ops/dr"]):
        done = runbook(*words, cwd=top)
        assert done.status == 0, done.err
    one = runbook("validate", "ops/dr/runbooks/restore-settings.yml", cwd=top)
    assert (one.status, one.err) == (0, "1 file checked: all valid\n")
    book.write_text(book.read_text().replace("needs: [declare]", "needs: [delcare]"))
    broken = runbook("validate", "ops/dr", "--format", "github", cwd=top)
    assert (broken.status, "file=ops/dr/runbooks/restore-settings.yml,line=" in broken.out) == (3, True)
    assert runbook("validate", ".", cwd=top / "ops/dr").status == 3
    both = runbook("validate", "ops/dr", "ops/dr/team.yml", cwd=top)
    assert (both.status, "one project at a time" in both.err) == (2, True)
    none = runbook("validate", "ops", cwd=top)
    assert (none.status, "no runbook.toml" in none.err) == (2, True)
