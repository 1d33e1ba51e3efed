"""The rules of validation with their explanations, one module a range of ids."""
