"""One file for each version of the journal's tables, each with all that it changes: none of them is edited later."""
