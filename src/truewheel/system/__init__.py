"""This machine: processes, files, interpreters. Knows nothing of wheels."""
