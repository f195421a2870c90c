"""Filters that many types have, and the forms in which the catalogue declares filters as data."""
