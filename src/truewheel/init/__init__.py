"""The proposal of a spec for a repository that has none."""
