#!/usr/bin/env python3
"""Build a cell's wheel: truewheel compile, runnable by path from a checkout."""

import os
import sys

try:
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        del sys.path[0]  # the folder of this file: others there may have the names of modules
    sys.path.insert(
        0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "src")
    )

    from truewheel.program import main
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main(["compile", *sys.argv[1:]]))
