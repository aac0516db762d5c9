# SPDX-License-Identifier: Apache-2.0
"""An in-process model server, small enough to be an example."""

from importlib.metadata import version

from tritonserver._core import Server, ServerError, library_version

__version__ = version("tritonserver")

__all__ = ["Server", "ServerError", "__version__", "library_version"]
