"""Filters on other resources that a resource names, or that name it."""
