"""What Alembic runs for each command: our own connection, within the transaction that it is in already."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
