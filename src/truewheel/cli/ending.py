"""Runs a chosen command and turns whatever ends it into messages and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Mapping

from truewheel.problems import Exit, Stop


def run(arguments: Namespace, environment: Mapping[str, str]) -> int:
    """Return the exit code of the command; nothing that a user can cause ends in a traceback."""
    # Children see the end of a job as this process does: as an interruption.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = arguments.run(arguments, environment)
        sys.stdout.flush()
        return int(code)
    except Stop as stop:
        for problem in stop.problems:
            say(str(problem))
        return int(stop.code)
    except KeyboardInterrupt:
        say("interrupted")
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader has gone (head, less): nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.OK)
    except OSError as error:
        say(f"{error.filename or 'truewheel'}: {error.strerror or error}")
        return int(Exit.REFUSED)


def say(text: str) -> None:
    """Print a message for people on stderr; control characters of foreign names are shown, not sent."""
    shown = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
    print(shown, file=sys.stderr, flush=True)
