"""Judging: plans run over a snapshot, and findings come of it."""
