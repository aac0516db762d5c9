# SPDX-License-Identifier: Apache-2.0
"""One of the two packages of the tree: it knows which library it carries."""

from treeserver._native import LIBRARY_VERSION

__all__ = ["LIBRARY_VERSION"]
