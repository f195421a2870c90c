"""Repairs as data: acts with their inverses, plans made of them, and the one module that writes to AWS."""
