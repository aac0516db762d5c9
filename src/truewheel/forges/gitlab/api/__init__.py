"""A GitLab project, asked and told by python-gitlab."""
