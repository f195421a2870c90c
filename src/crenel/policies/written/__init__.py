"""A policy as it is written: files, keys, placeholders, the listing's parameters. Nothing is compiled here."""
