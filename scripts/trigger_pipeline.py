#!/usr/bin/env python3
"""Start a pipeline, once, and follow it: truewheel trigger, runnable by path from a checkout."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from truewheel.cli import main

if __name__ == "__main__":
    sys.exit(main(["trigger", *sys.argv[1:]]))
