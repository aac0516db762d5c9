"""GitHub: its workflows, its API."""
