#!/usr/bin/env python3
"""Truewheel's front door in this checkout: ./gen_ci.py --help."""

import os
import sys

# pathlib would take half of the time of --help.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "src"))  # noqa: PTH118, PTH120

from truewheel.cli import main

if __name__ == "__main__":
    sys.exit(main())
