"""Buckets, databases, and what else keeps or passes on data."""
