"""One module a subject: from what a reader asked for to the values that a page shows."""
