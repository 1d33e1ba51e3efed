"""Use cases, one module each, and the composition root that chooses concrete classes."""
