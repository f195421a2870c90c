"""Waivers: who accepts that which findings fail, why, and until when."""
