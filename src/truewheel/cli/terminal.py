"""What goes to the terminal. Needs next to nothing, so that --help is there at once."""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


def say(text: str) -> None:
    """Print a message for people on stderr, as `printable` text."""
    put(printable(text), sys.stderr)


def show(text: str) -> None:
    """Print what was asked for on stdout, as `printable` text."""
    put(printable(text), sys.stdout)


def printable(text: str) -> str:
    """Return the text with the control characters of foreign names and values shown, not sent."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(
        character if character == "\n" or character.isprintable() else repr(character)[1:-1] for character in text
    )


def send(text: str) -> None:
    """Print a document for programs on stdout, as it is."""
    put(text, sys.stdout)


def put(text: str, stream: TextIO | None, end: str = "\n") -> None:
    """Print; a reader that has gone (head, less) or was never there (>&-) does not change how the command ends."""
    if stream is None:
        return
    try:
        print(text, end=end, file=stream, flush=True)
    except OSError as error:
        if error.errno not in {errno.EPIPE, errno.EIO}:  # EIO: the terminal was closed
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
