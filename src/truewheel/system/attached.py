"""Runs a program of others that must end when this process ends.

`processes.attached` starts this module as a child. When its parent ends, it gets SIGTERM (see
`truewheel.system.launch`) and ends the program with all that it started.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from truewheel.errors import Exit, Stop
from truewheel.system import processes


def main(argv: Sequence[str]) -> int:
    """Run a program to its end and return its exit status, as a shell gives it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = processes.run(argv, cwd=Path.cwd(), env=os.environ)
    except Stop as stopped:
        processes.say(str(stopped))
        return stopped.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
