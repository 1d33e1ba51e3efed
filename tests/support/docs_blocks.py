"""Every fenced block of the documentation: what is done with it in a test, and which are not run, each with its reason.

`how` knows all kinds of blocks. A block of no kind, an entry here that fits no block, and an entry for a block that
is run by now are failures of `journeys/test_docs_blocks.py`.
"""

from support.pages import name_of

# What stands behind the language says how a block is tried. Text alone is output, a formula or a picture.
KINDS = {
    ("console", "run"): "run, and what it prints is compared (test_docs.py)",
    ("yaml", "runbook"): "a runbook that validates (test_docs.py)",
    ("yaml", "steps"): "steps that validate (test_docs_fragments.py)",
    ("yaml", "part"): "a part of a runbook that validates (test_docs_fragments.py)",
    ("yaml", "team"): "a part of team.yml that validates (test_docs_fragments.py)",
    ("yaml", "inventory"): "an inventory that is read (test_docs_fragments.py)",
    ("ini", "inventory"): "an inventory that is read (test_docs_fragments.py)",
    ("json", "inventory"): "what a program prints as an inventory, which is read (test_docs_fragments.py)",
    ("toml",): "a configuration that validates (test_docs_fragments.py)",
    ("sh",): "run, each line for itself (test_docs_commands.py)",
    ("text",): "shown: nothing to run",
}
# Blocks of these pages, by the beginning of their first line (all of a page: an empty one), have a test of their own.
TESTED = {
    "docs/how-to/ci.md": {
        "repos:": "tests/journeys/test_ci_examples.py::test_the_page_names_the_hooks_that_there_are",
        "name: runbooks": "tests/journeys/test_ci_examples.py::test_the_lines_of_a_pipeline",
        "image: python": "tests/journeys/test_ci_examples.py::test_the_lines_of_a_pipeline",
    },
    "docs/how-to/deploy.md": {
        "# /etc/systemd": "tests/journeys/test_deploy.py::test_systemd_takes_the_unit",
        "services:": "tests/journeys/test_deploy.py::test_the_compose_file_is_whole_and_its_commands_are_the_programmes",
    },
    "docs/how-to/monitor.md": {"# /etc/systemd": "tests/journeys/test_schedules.py::test_a_unit_is_one"},
    "docs/how-to/readiness.md": {
        "# /etc/systemd": "tests/journeys/test_schedules.py::test_a_unit_is_one",
        "pipelines:": "tests/journeys/test_schedules.py::test_the_commands_of_a_workflow_run",
        "name: readiness": "tests/journeys/test_schedules.py::test_the_commands_of_a_workflow_run",
        "{": "tests/journeys/test_docs_fragments.py::test_the_permissions_are_operations_of_aws",
    },
    "docs/how-to/workers.md": {"# /etc/systemd": "tests/journeys/test_schedules.py::test_a_unit_is_one"},
    "docs/how-to/postgresql.md": {"CREATE ROLE": "tests/journeys/test_docs_commands.py::postgres"},
    "docs/how-to/signed-approvals.md": {
        "runbook audit log RUN": "tests/journeys/cli/test_signed_gates.py::test_an_auditor_verifies_with_openssh_alone",
    },
    "docs/how-to/recovery-runbooks.md": {
        "runbook run verify-backups": "tests/journeys/cli/test_recovery_runbooks.py",
        "runbook run restore-cloud-app": "tests/journeys/cli/test_recovery_runbooks.py",
        "runbook plan region-failback": "tests/journeys/cli/test_recovery_runbooks.py",
        "runbook run switchover-drill": "tests/journeys/cli/test_recovery_runbooks.py",
    },
    "docs/how-to/back-up-source-code.md": {"BITBUCKET_TOKEN=": "tests/journeys/cli/test_source_code.py"},
    "docs/reference/actions.md": {"": "tests/unit/actions/test_contract.py::test_holds_to_the_contract"},
    "docs/reference/cli.md": {"": "tests/unit/cli/test_reference.py::test_the_page_is_up_to_date"},
    "docs/reference/metrics.md": {"": "tests/unit/app/test_metrics.py"},
    "runbook_engine/app/starter_lab/README.md": {
        "runbook validate": "tests/journeys/test_docs.py::test_every_command_of_a_page_prints_what_the_page_says"
    },
}
# What is not run: a whole block by its first line, or one line of a block in `sh`.
EXEMPT = {
    "README.md": {
        "make demo    #": "the first thing that CI does",
        "make test    #": "it is what runs this test",
        "make setup": "CI does it in a clean clone before this test can run",
        ". .venv/bin/activate": "a shell's own; `runbook` is on the path of these tests otherwise",
    },
    "CONTRIBUTING.md": {
        "git clone": "the address is the reader's",
        "make demo": "the first thing that CI does",
        "make test": "it is what runs this test",
        "make audit": "CI does it; it may want the network",
        "make fuzz": "minutes; CI runs a part of it",
    },
    "docs/reference/reliability.md": {".venv/bin/python -m pytest": "they are tests of this suite"},
    "docs/how-to/deploy.md": {
        "pg_basebackup": "two hosts' own folders; support/postgres_pair.py makes a standby so, in folders of its own",
        "psql -c": "the same",
    },
    "docs/how-to/write-an-aws-action.md": {
        "class EbsCopy": "a part of a module: it is compiled, and its names are looked up"
    },
    "docs/how-to/recovery-runbooks.md": {
        "# runbook actions --iam": "its command is; tests/journeys/cli/test_iam.py gives an invented run"
    },
    "docs/reference/backup-manifest.md": {"{": "an example of a format; tests of backup.verify write their own"},
    "docs/reference/inventory.md": {"plugin: aws_ec2": "it asks AWS; tests/contract/test_aws_inventory.py asks moto"},
}


def of_block(table, page, block):
    """Give what a table says of a block, if anything; `page` is its name."""
    return next((said for first, said in table.get(page, {}).items() if block.first.startswith(first)), None)


def not_run(page):
    """Give the beginnings of lines of a page, by its name, that are not run."""
    return tuple(EXEMPT.get(page, {}))


def how(page, block):
    """Say how a block is tried, by a kind or a test of its own; None when nobody has thought of it."""
    said = of_block(TESTED, name_of(page), block) or of_block(EXEMPT, name_of(page), block)
    return said or (
        "written as a file that the page uses" if block.file else KINDS.get(block.info[:2], KINDS.get(block.info))
    )
