"""Policy documents: one reader of statements, and who may use a resource."""
