"""Benchmarks of Crenel."""
