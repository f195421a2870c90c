"""Examples of policies: documents in, verdicts out, and mutants that show what no example would notice."""
