#!/usr/bin/env python3
"""The command truewheel, run from this checkout: ./gen_ci.py --help."""

import os
import sys

try:
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        del sys.path[0]  # this file's folder: a file there may have the name of a module
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "src"))

    from truewheel.program import main
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main())
