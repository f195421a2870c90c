"""Findings sent to AWS Security Hub: what it has of them, what changed, and the calls that tell it."""
