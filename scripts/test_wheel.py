#!/usr/bin/env python3
"""truewheel test, run by path from a checkout: install a cell's wheel and run its smoke test."""

import os
import sys

try:
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        del sys.path[0]  # this file's folder: a file there may have the name of a module
    root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    sys.path.insert(0, os.path.join(root, "src"))

    from truewheel.program import main
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main(["test", *sys.argv[1:]]))
