"""HTTP: one client, package indexes, container registries."""
