"""Plays the cases of a runbook: the real plan, loop and journal, and attempts that are made up as a case says."""
