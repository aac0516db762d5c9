# SPDX-License-Identifier: Apache-2.0
"""One of the two packages of the tree: it reads paths with the library that it carries."""

from treefrontend._native import depth

__all__ = ["depth"]
