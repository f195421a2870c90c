"""Frameworks: whose controls a scan answers, and which policies decide each."""
