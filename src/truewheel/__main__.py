"""The command truewheel as python -m truewheel."""

import os
import sys

try:
    here = os.getcwd()
except OSError:  # the current folder was removed
    here = ""
try:
    if not getattr(sys.flags, "safe_path", sys.flags.isolated) and sys.path[0] == here:
        del sys.path[0]  # the current folder may have a yaml.py
    from truewheel.program import main
except KeyboardInterrupt:
    sys.exit(130)

sys.exit(main())
