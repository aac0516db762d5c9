"""The start of the command line as a program of its own; nobody else imports this.

From its first line on Ctrl-C ends the program with exit code 130 and one line, while the commands
are still being imported, too. Relative entries of PYTHONPATH are not followed: they lead into
whatever folder the user is in.
"""

import _signal  # type: ignore[import-not-found]  # not `signal`: its imports take longer than all that follows here
import atexit
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130


def leave(*_: object) -> None:
    """End this process at once. There is nothing to be put in order: no command is at work."""
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(INTERRUPTED)


def _leave_at(*numbers: int) -> None:
    """Let signals end this process, but those that are ignored.

    Who starts it in the background may have it so.
    """
    for number in numbers:
        if callable(_signal.getsignal(number)):
            _signal.signal(number, leave)


_leave_at(_signal.SIGINT)

if _added := "" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", ""):
    for _entry in _added.split(os.pathsep):
        if not os.path.isabs(_entry) and os.path.abspath(_entry) in sys.path:
            sys.path.remove(os.path.abspath(_entry))


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run the command line and return its exit code (see `truewheel.errors.Exit`)."""
    from truewheel import cli

    atexit.register(
        _signal.signal, _signal.SIGINT, _signal.SIG_IGN
    )  # the result stands, and Python tidies up
    try:
        return cli.main(argv)
    except KeyboardInterrupt:  # a second Ctrl-C, while the first one was answered
        leave()
        raise
    finally:
        _leave_at(_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)


if __name__ == "__main__":
    sys.exit(main())
