"""The project on disk: its spec, its generated files, git."""
