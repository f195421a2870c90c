"""Crenel finds the gaps in an AWS account's wall."""

__version__ = "0.1.0"
