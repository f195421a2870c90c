"""Policies in the Cloud Custodian language, compiled to plans."""
