"""How the commands of each page are tried: in which state, how they end, and what stands for what only a reader has."""

from dataclasses import dataclass, field

from support.pages import blocks

WELL = "run region-failover -i production -e incident=INC-1"
DATABASE = {r"postgresql://(\w+)@db.example.com/runbook": r"postgresql://\1@/runbook?host=@POSTGRES@"}


@dataclass(frozen=True)
class Rehearsal:
    """How the commands of a page are tried.

    Args:
        before: by the beginning of a line, the shell's words that make the state it is for.
        ends: by the beginning of a line, how it ends if not with 0.
        here: what stands for what only a reader has, by regular expression; `@POSTGRES@`, `@S3@` and `@OTLP@` are
            the places of servers, which are started for the pages that want them.
    """

    before: dict = field(default_factory=dict)
    ends: dict = field(default_factory=dict)
    here: dict = field(default_factory=dict)


REHEARSALS = {
    "README.md": Rehearsal(),
    "docs/explanation/journal.md": Rehearsal({"runbook audit log last  ": WELL}),
    "docs/how-to/annual-drill.md": Rehearsal({"runbook compliance": WELL}, {"runbook comp": 1}, {"NAME": "restore-settings"}),
    "docs/how-to/ci.md": Rehearsal({"runbook report last": WELL}),
    "docs/how-to/compliance.md": Rehearsal({}, {"runbook compliance": 1}),
    "docs/how-to/dashboard.md": Rehearsal(
        {
            "runbook serve --host": "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
            "-keyout key.pem -out chain.pem -days 1 -subj /CN=dr.example.com 2>> before.log"
        },
        here={r"^runbook serve(?! --(new|revoke))": "stays 'is at http' runbook serve --port 0", "10.0.0.5": "127.0.0.1"},
    ),
    "docs/how-to/deploy.md": Rehearsal(
        {
            "runbook journal copy": "RUNBOOK_JOURNAL='postgresql://runbook_owner@/runbook?host=@POSTGRES@' "
            "silent runbook journal init --app-role runbook_app --reader-role auditor",
            "runbook audit anchor": WELL,
            "runbook resume --take-over": "failing",
        },
        {"runbook run journal-failover": 4},
        {
            "////backup/": "///",
            "db-1.example.com,db-2.example.net": "@POSTGRES@",
            "s3://evidence-locked": "s3://evidence-locked/of-another-journal",
        },
    ),
    "docs/how-to/evidence.md": Rehearsal(
        {
            "runbook audit export": WELL + "; keys dana id_ed25519; cp ~/.ssh/id_ed25519.pub dana.pub",
        },
        here={"/mnt/worm": "."},
    ),
    "docs/how-to/forecast.md": Rehearsal({"runbook forecast region-failover -i drill -e incident=INC-42": ""}),
    "docs/how-to/help-customers-recover.md": Rehearsal(),
    "docs/how-to/keep-secrets.md": Rehearsal(
        {
            "runbook secrets edit": "keys dana id_ed25519; echo 'secrets.recipients = [\"'$(cat ~/.ssh/id_ed25519.pub)'\"]' "
            "| cat - runbook.toml > new.toml; mv new.toml runbook.toml; mkdir secrets; echo 'a: b' > plain.yml; "
            "printf '#!/bin/sh\\necho c: d > \"$1\"\\n' > editor; chmod +x editor; export EDITOR=$PWD/editor",
            "runbook secrets encrypt": "rm secrets/production.yml.age",
        }
    ),
    "docs/how-to/keep-people-told.md": Rehearsal(
        {'runbook say last "The data': "silent runbook run customer-communication -i production -e incident=OPS-8 "
         "-e what=Reviews --yes"},
        here={"--wait$": "--yes --wait >> before.log & asked work-done"},
    ),
    "docs/how-to/monitor.md": Rehearsal(
        here={r"^(runbook monitor -i production)(?! --once)": r"stays watching \1", "9464": "127.0.0.1:0"}
    ),
    "docs/how-to/postgresql.md": Rehearsal({"export RUNBOOK_JOURNAL": WELL}, here=DATABASE),
    "docs/how-to/prune-old-runs.md": Rehearsal({"runbook runs prune --older-than 400d --dry-run": WELL}),
    "docs/how-to/readiness.md": Rehearsal(),
    "docs/how-to/resume-and-answer.md": Rehearsal(
        {
            "runbook runs": "run asks",
            "runbook decline": "silent runbook resume last --yes; run asks",
            "runbook resume last --yes --detach": "failing",
            "runbook resume  ": "failing",
            "runbook resume 2026": "failing",
            "runbook status last  ": "drifted",
            "runbook ignore": "silent runbook resume last --yes; drifted",
            "runbook resume last --accept-changes": "failing; sed -i 's/timeout: 1m/timeout: 2m/' runbooks/region-failover.yml",
            "runbook run region-failover --from-run": "failing",
            "runbook resolve last notify-customers done": "run tells",
            "runbook resolve last notify-customers retry": "end; run tells",
        },
        here={"resume 20261123": 'resume "$(newest)"'},
    ),
    "docs/how-to/signed-approvals.md": Rehearsal(
        {
            "runbook approve": "keys dana id_ed25519 id_work; keys eli id_ecdsa; run asks",
            "runbook decline": "end; run asks",
            "runbook answer": "end; run asks-people",
            "runbook skip": "end; lagging",
            "runbook resolve": "end; run tells",
        }
    ),
    "docs/how-to/steer-a-run.md": Rehearsal(
        {
            "runbook retry": "lagging",
            "runbook skip": "end; lagging",
            "runbook ignore": "end; lagging",
            "runbook answer last call-provider pass": "run asks-people",
            "runbook answer last call-provider fail": "end; run asks-people",
            "runbook pause": "end; run asks",
            'runbook abort last --reason "wrong': "silent runbook resume last --yes; run asks",
        },
    ),
    "docs/how-to/traces.md": Rehearsal(here={"http://127.0.0.1:4318": "@OTLP@"}),
    "runbook_engine/app/starter/README.md": Rehearsal(),
    "docs/how-to/watch-a-run.md": Rehearsal({"runbook watch": "run asks"}),
    "docs/how-to/workers.md": Rehearsal(
        {
            "export RUNBOOK_JOURNAL=postgresql://worker": "RUNBOOK_JOURNAL='postgresql://runbook_owner@/runbook?host=@POSTGRES@' "
            "silent runbook journal init --app-role runbook_app --worker-role worker",
            "runbook resume --yes --wait": "failing",
        },
        here=DATABASE | {"^runbook worker": "stays serves runbook worker"},
    ),
}  # fmt: skip


def lines_of(page):
    """The lines of a page's blocks in `sh`, each a command."""
    found = [block for block in blocks(page) if block.info == ("sh",)]
    return [line for block in found for line in block.text.splitlines() if line.strip() and not line.startswith("#")]


def of_line(table, line, default):
    """What a table says of a line: its longest key that the line begins with counts."""
    keys = [key for key in table if line.startswith(key)]
    return table[max(keys, key=len)] if keys else default
