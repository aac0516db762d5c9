"""Hash-locked requirements of the tools in builder images, as data."""
