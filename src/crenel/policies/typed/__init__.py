"""Filters of single types, by AWS's kinds of services. The list of all filters is `vocabulary`."""
