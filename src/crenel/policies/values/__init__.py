"""Cloud Custodian's `value` filter: ops, value types, patterns, and what can't be meant so."""
