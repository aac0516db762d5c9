"""What goes to the terminal. It imports almost nothing, so that --help is fast."""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO


class Unwritable(Exception):
    """What was asked for cannot be written to stdout; the text says why."""


def say(text: str) -> None:
    """Print a message for people on stderr, as harmless text.

    When stderr cannot be written, the command goes on.
    """
    from truewheel.system.log_text import harmless

    put(harmless(text), sys.stderr)


def show(text: str) -> None:
    """Print what was asked for on stdout, as harmless text. Raises `Unwritable`."""
    from truewheel.system.log_text import harmless

    put(harmless(text), sys.stdout)


def send(text: str) -> None:
    """Print a document for programs on stdout, as it is. Raises `Unwritable`."""
    put(text, sys.stdout)


def print_json(data: Any) -> None:
    """Print a document for programs as JSON. Raises `Unwritable`."""
    import json

    from truewheel.system.log_text import harmless_json

    send(harmless_json(json.dumps(data, indent=1)))


def put(text: str, stream: TextIO | None, end: str = "\n") -> None:
    """Print; a reader that has gone (head, less) does not change how the command ends.

    Raises `Unwritable` when stdout is full or closed (None); a closed stderr changes nothing.
    """
    if stream is None:
        raise Unwritable("stdout: cannot be written: it is closed")
    try:
        print(text, end=end, file=stream, flush=True)
    except OSError as error:
        # What is left in the buffer would be written once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        is_gone = error.errno in {errno.EPIPE, errno.EIO}  # EIO: the terminal was closed
        if stream is sys.stdout and not is_gone:
            raise Unwritable(f"stdout: cannot be written: {error.strerror}") from None


def open_streams() -> None:
    """Open the null device in the place of each closed standard stream.

    Without that the next opened file gets its number, and the output of children is written there.
    """
    for number in range(3):
        if not _is_open(number):
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
