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
