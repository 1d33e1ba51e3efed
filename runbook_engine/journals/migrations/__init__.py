"""How a journal's tables became what they are, one file for each version; Alembic runs them (`sql_migrate`)."""
