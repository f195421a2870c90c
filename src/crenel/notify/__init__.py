"""Notifications of what is new or worse since the scan before: to whom, which words, and how they get there."""
