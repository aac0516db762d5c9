"""Checks on wheels: `contents` reads one, every other module is pure and gives findings."""
