"""A synthetic AWS endpoint that is fast enough not to be what is measured."""
