"""Secrets by reference, and keeping their values out of everything that is written."""
