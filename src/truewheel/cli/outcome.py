"""Runs a chosen command and turns whatever ends it into messages and an exit code."""

from __future__ import annotations

import errno
import signal
import sys
from argparse import Namespace
from collections.abc import Mapping
from io import TextIOWrapper

from truewheel.cli.terminal import put, say
from truewheel.cli.time_limit import patience
from truewheel.errors import Exit, Stop

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""What a file system says that takes nothing, whatever the path."""


def run(arguments: Namespace, environment: Mapping[str, str]) -> int:
    """Return the exit code of the command; nothing that a user can cause ends in a traceback."""
    # Children see the end of a job, or of a terminal, as this process does: as an interruption.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for number in (signal.SIGINT, signal.SIGHUP):
        if (
            signal.getsignal(number) is not signal.SIG_IGN
        ):  # as nohup has it, and a shell for what runs behind it
            signal.signal(number, signal.default_int_handler)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with patience():
            code = arguments.run(arguments, environment)
    except Stop as stop:
        for problem in stop.problems:
            say(str(problem))
        code = stop.code
    except KeyboardInterrupt:
        say("interrupted")
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        code = Exit.OK
    except OSError as error:
        say(f"{error.filename or 'truewheel'}: {error.strerror or error}")
        code = Exit.BUG if error.errno in _FULL else Exit.REFUSED
    if sys.stdout is not None:
        put(
            "", sys.stdout, end=""
        )  # what is left in the buffer: at the interpreter's end, a closed pipe is an error
    return int(code)
