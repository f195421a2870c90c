"""The plan that every rule language compiles to, and what becomes of it: SQL."""
