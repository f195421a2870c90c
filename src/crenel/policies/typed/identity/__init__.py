"""Accounts, IAM, trails and keys."""
