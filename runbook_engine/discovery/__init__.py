"""Finds actions: the built-in ones and other distributions' by entry point, a project's own in its plugin folders."""
