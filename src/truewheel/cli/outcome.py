"""Run the chosen command, and turn how it ends into messages and an exit code."""

from __future__ import annotations

import errno
import signal
import sys
from argparse import Namespace
from collections.abc import Mapping
from io import TextIOWrapper

from truewheel.cli.terminal import put, say
from truewheel.cli.time_limit import regex_time_limit
from truewheel.errors import Exit, Stop

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""Errors of a file system that takes no file at all, whatever its path."""


def run(arguments: Namespace, environment: Mapping[str, str]) -> int:
    """Return the exit code of the command; no mistake of a user ends in a traceback."""
    # The end of a job or of a terminal is an interruption, for this process and its children.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for number in (signal.SIGINT, signal.SIGHUP):
        # nohup ignores these signals, and so does a shell for a command in the background.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with regex_time_limit():
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
        # Flush now: at the end of the interpreter, a closed pipe is an error.
        put("", sys.stdout, end="")
    return int(code)
