#!/usr/bin/env python3
"""truewheel trigger, run by path from a checkout: start a pipeline once."""

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
    sys.exit(main(["trigger", *sys.argv[1:]]))
