"""python -m truewheel."""

import sys

from truewheel.cli import main

sys.exit(main())
