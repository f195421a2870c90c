"""Content that ships as data: policies and dated facts."""
