"""A plan as GitHub Actions workflows. Pure: translates, decides nothing."""
