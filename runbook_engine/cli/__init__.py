"""The command line: arguments in, exit codes out, and what a terminal shows meanwhile."""
