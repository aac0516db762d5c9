"""Wheel pipelines whose file names are known before the build and proven after it."""

__version__ = "0.1.0"
