"""GitLab: its files, its API, its limits."""
