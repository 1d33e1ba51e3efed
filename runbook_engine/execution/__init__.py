"""Running a plan: what is next (pure), the fold over the journal, one attempt, and the one loop."""
