"""Falco and Sigma rules → plans over the table of events."""
