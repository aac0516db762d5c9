"""A plan as GitLab CI files. Pure: translates, decides nothing."""
