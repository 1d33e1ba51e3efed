"""The protocols between the engine and the world: one module a family, with its values and errors."""
