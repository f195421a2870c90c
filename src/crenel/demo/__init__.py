"""The embedded account of a small web shop, with its flaws, served by moto."""
