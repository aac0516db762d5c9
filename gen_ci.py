#!/usr/bin/env python3
"""Truewheel's front door in this checkout: ./gen_ci.py --help."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from truewheel.cli import main

if __name__ == "__main__":
    sys.exit(main())
