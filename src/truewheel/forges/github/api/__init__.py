"""A GitHub repository, asked and told by PyGithub."""
