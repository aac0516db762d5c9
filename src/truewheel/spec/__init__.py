"""What the maintainer writes: the spec and its policies, checked and frozen. Pure."""
