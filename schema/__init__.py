"""JSON schemas of the files that a maintainer edits, as data."""
