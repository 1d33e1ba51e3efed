"""Rules RB241 to RB243: targets whose attempts are made by workers on other machines."""

from runbook_engine.model.rule import Rule, error, warning

QUEUE_RULES: tuple[Rule, ...] = (
    error(
        "RB241",
        "targets with a queue need a journal in PostgreSQL",
        """
A target's variable `queue` names the queue of the workers that make its attempts. Orders for workers are written
together with the journal's events, in one transaction, which a journal in a file can't do.
Bad:  queue: eu-west-1 in the inventory, and journal = "sqlite:///.runbook/journal.db"
Good: journal = "postgresql://runbook@db.example.com/journal", or dispatcher = "threads" to run it all from here
""",
    ),
    error(
        "RB242",
        "a queue has a plain name",
        """
A queue's name has letters, digits, '.', '_' and '-', 40 of them at most.
Bad:  queue: "Europe (west)"
Good: queue: eu-west-1
""",
    ),
    warning(
        "RB243",
        "every queue has a worker",
        """
Steps on targets whose queue nobody serves wait until a worker comes. `runbook workers` shows who serves what. `plan`
and `run` ask the journal's database for it; `validate` reads files alone, and says nothing of it.
Bad:  a plan with queue: eu-west-1 while no worker serves it
Good: runbook worker --queue eu-west-1, on a machine in that region
""",
    ),
)
