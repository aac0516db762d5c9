"""Runs a chosen command and turns whatever ends it into messages and an exit code."""

from __future__ import annotations

import os
import re
import signal
import sys
from argparse import Namespace
from collections.abc import Mapping
from io import TextIOWrapper
from typing import TextIO

from truewheel.problems import Exit, Stop

_UNUSUAL = re.compile(r"[^\n -~]")


def run(arguments: Namespace, environment: Mapping[str, str]) -> int:
    """Return the exit code of the command; nothing that a user can cause ends in a traceback."""
    # Children see the end of a job as this process does: as an interruption.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
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
        code = Exit.REFUSED
    put("", sys.stdout, end="")  # what is left in the buffer: at the interpreter's end, a closed pipe is an error
    return int(code)


def say(text: str) -> None:
    """Print a message for people on stderr, as `printable` text."""
    put(printable(text), sys.stderr)


def show(text: str) -> None:
    """Print what was asked for on stdout, as `printable` text."""
    put(printable(text), sys.stdout)


def printable(text: str) -> str:
    """Return the text with the control characters of foreign names and values shown, not sent."""
    return _UNUSUAL.sub(lambda found: found[0] if found[0].isprintable() else repr(found[0])[1:-1], text)


def send(text: str) -> None:
    """Print a document for programs on stdout, as it is."""
    put(text, sys.stdout)


def put(text: str, stream: TextIO | None, end: str = "\n") -> None:
    """Print; a reader that has gone (head, less) or was never there (>&-) does not change how the command ends."""
    if stream is None:
        return
    try:
        print(text, end=end, file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
