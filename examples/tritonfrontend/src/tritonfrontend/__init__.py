# SPDX-License-Identifier: Apache-2.0
"""A reader of inference request paths, small enough to be an example."""

from importlib.metadata import version

from tritonfrontend._bindings import BINDINGS_VERSION, Route, parse_route

__version__ = version("tritonfrontend")

__all__ = ["BINDINGS_VERSION", "Route", "__version__", "parse_route"]
