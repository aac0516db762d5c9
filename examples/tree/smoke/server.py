# SPDX-License-Identifier: Apache-2.0
"""Check the installed treeserver: its library has the version that the wheel's metadata states."""

import sys
from importlib.metadata import version

from treeserver import LIBRARY_VERSION

if version("treeserver") != LIBRARY_VERSION:
    sys.exit(f"the library is {LIBRARY_VERSION}, the wheel {version('treeserver')}")
print(f"treeserver {LIBRARY_VERSION}: the library is the wheel's own")
