"""What a judgement looks like to people and to programs: one module an output format."""
