"""Spec and variables in; cells, names, jobs and images out. Pure."""
