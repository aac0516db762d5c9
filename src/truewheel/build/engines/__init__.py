"""How a job makes wheels: a PEP 517 backend, or a command of the project."""
